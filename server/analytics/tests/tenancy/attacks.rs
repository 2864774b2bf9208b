//! Known attacks, each with why it might work. None may show a stranger's row.

mod around;
mod sql;

use around::{ORACLES, OVER};
use serde_json::json;
use sql::SQL;

use super::world::{DATA_SOURCES, Request, TENANTS, Tenant, World, fixed, token};

fn tenant_token(tenant: Tenant) -> String {
    let fixed = fixed(tenant);
    let filter = format!("owner = '{}' -- of this tenant", tenant.org);
    let mut scopes = vec![
        json!({ "sql": true, "type": "DATASOURCES:READ", "resource": DATA_SOURCES, "fixed_params": fixed }),
        json!({ "sql": true, "type": "DATASOURCES:READ", "resource": "papers", "filter": filter }),
    ];
    for pipe in [
        "everything",
        "any_table",
        "counted",
        "given",
        "papers_of_mine",
        "papers_by_set",
        "merged",
    ] {
        scopes.push(
            json!({ "sql": true, "type": "PIPES:READ", "resource": pipe, "fixed_params": fixed }),
        );
    }
    token(tenant.org, scopes.into())
}

/// The token without the scope for papers of its own: pipes read them by
/// their authority.
fn pipes_token(tenant: Tenant) -> String {
    let scope = json!({ "sql": true, "type": "PIPES:READ", "resource": ["papers_of_mine", "papers_by_set", "everything", "any_table"], "fixed_params": fixed(tenant) });
    token(tenant.org, json!([scope]))
}

#[tokio::test]
async fn no_known_attack_shows_a_strangers_row() {
    let world = World::start().await;
    let amber = TENANTS[0];
    let tokens = [tenant_token(amber), pipes_token(amber)];
    let mut requests: Vec<(&str, Request)> = Vec::new();
    for (why, sql) in SQL.iter().chain(ORACLES) {
        requests.push((why, Request::sql(sql)));
        requests.push((why, Request::sql(&format!("{sql} FORMAT JSON"))));
    }
    for (why, pipe, over) in OVER {
        requests.push((why, Request::pipe(pipe, over)));
    }
    for name in [
        "events",
        "versions",
        "totals",
        "events_quarantine",
        "view.feed_totals",
        "rookery.events",
        "system.parts",
        "default./etc/passwd",
        "staging.feed_totals",
        ".inner.feed_totals",
    ] {
        let body = json!({ "name": name, "org": "birch" });
        requests.push((
            "a template chooses the table",
            Request {
                path: "/v0/pipes/any_table.json".into(),
                body,
            },
        ));
    }
    let body = json!({ "org": "birch", "customer": 8, "fixed_params": { "org": "birch" }, "tenant": "birch" });
    for pipe in ["everything", "counted", "given", "papers_of_mine", "merged"] {
        for ending in ["json", "csv", "ndjson", "parquet", "prometheus"] {
            let path = format!("/v0/pipes/{pipe}.{ending}?org=birch&org=coral");
            requests.push((
                "parameters that the token fixes",
                Request {
                    path,
                    body: body.clone(),
                },
            ));
        }
    }
    let mut holes = Vec::new();
    let mut answered = 0;
    for (why, request) in &requests {
        for token in &tokens {
            let answer = world.ask(request, token).await;
            answered += usize::from(answer.status == 200);
            if answer.status >= 500 {
                holes.push(format!(
                    "{why}: status {}\n    {request:?}\n    {}",
                    answer.status, answer.body
                ));
            }
            if let Some(word) = answer.leaked(Some(amber), request) {
                holes.push(format!(
                    "{why}: {word:?}\n    {request:?}\n    {}",
                    answer.body
                ));
            }
        }
    }
    for (why, sql) in ORACLES {
        let answer = world.ask(&Request::sql(sql), &tokens[0]).await;
        if answer.status != 200 {
            holes.push(format!(
                "oracle, {why}: status {}\n    {sql}\n    {}",
                answer.status, answer.body
            ));
        }
    }
    // Seven more than a UInt8 holds, and other ways to write another's number.
    for customer in [
        "263",
        "+7",
        "07",
        " 7",
        "7 ",
        "7.0",
        "7e0",
        "0x7",
        "7\0",
        "7' OR 1 -- ",
    ] {
        let scope = json!({ "sql": true, "type": "DATASOURCES:READ", "resource": "orders", "fixed_params": { "customer": customer } });
        let request = Request::sql("SELECT * FROM orders");
        let answer = world.ask(&request, &token("number", json!([scope]))).await;
        if let Some(word) = answer.leaked(None, &request) {
            holes.push(format!("the tenant {customer:?} is not 7: {word:?}"));
        }
    }
    world.stop().await;
    assert!(
        holes.is_empty(),
        "{} holes:\n{}",
        holes.len(),
        holes.join("\n")
    );
    assert!(
        answered > requests.len() / 2,
        "only {answered} of {} requests were answered",
        2 * requests.len()
    );
}
