//! Random projects, tokens and queries: no answer shows a stranger's row, and
//! a tenant's answer is the same when it has the server for itself.
//!
//! `PROPTEST_CASES` and `PROPTEST_RNG_SEED` look further than the usual run.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestError, TestRunner};
use serde_json::{Value, json};

use super::grammar::{Names, Relation, relation};
use super::world::{Answer, DATA_SOURCES, Request, TENANTS, Tenant, World, token};

const SEEDS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/proptest-regressions/tenancy.txt"
);

#[derive(Debug, Clone)]
struct Case {
    /// The nodes of each pipe.
    pipes: Vec<Vec<Relation>>,
    scopes: Scopes,
    fixing: Fixing,
    asks: Vec<(Ask, Relation)>,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Endpoint(u8),
    Over(u8),
    Rows,
    Aggregates,
}

/// What the token may read.
#[derive(Debug, Clone, Copy)]
enum Scopes {
    Everything,
    OneScopeForEach,
    /// Two scopes on each data source, one of them with a filter.
    Filtered,
    Pipes,
    DataSources,
}

/// What the token fixes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fixing {
    Tenant,
    Nothing,
    Empty,
    Null,
    Bool,
    List,
    Object,
}

fn case() -> impl Strategy<Value = Case> {
    let ask = prop_oneof![
        2 => any::<u8>().prop_map(Ask::Endpoint),
        2 => any::<u8>().prop_map(Ask::Over),
        3 => Just(Ask::Rows),
        1 => Just(Ask::Aggregates),
    ];
    let scopes = prop_oneof![
        4 => Just(Scopes::Everything),
        1 => Just(Scopes::OneScopeForEach),
        2 => Just(Scopes::Filtered),
        1 => Just(Scopes::Pipes),
        1 => Just(Scopes::DataSources),
    ];
    let fixing = prop_oneof![
        12 => Just(Fixing::Tenant),
        1 => prop::sample::select(&[Fixing::Nothing, Fixing::Empty, Fixing::Null, Fixing::Bool, Fixing::List, Fixing::Object][..]),
    ];
    let node = relation().prop_map(|relation| relation.without_forbidden());
    let pipes = prop::collection::vec(prop::collection::vec(node, 1..3), 1..3);
    let asks = prop::collection::vec((ask, relation()), 4..8);
    (pipes, scopes, fixing, asks).prop_map(|(pipes, scopes, fixing, asks)| Case {
        pipes,
        scopes,
        fixing,
        asks,
    })
}

impl Case {
    fn pipe_names(&self, suffix: &str) -> Vec<String> {
        (0..self.pipes.len())
            .map(|index| format!("p{index}{suffix}"))
            .collect()
    }

    /// The pipes' datafiles: each node may read the nodes and pipes before it.
    fn files(&self, is_twin: bool) -> Vec<(String, String)> {
        let suffix = Names::new(is_twin).suffix;
        let pipe_names = self.pipe_names(suffix);
        let mut files = Vec::new();
        for (index, nodes) in self.pipes.iter().enumerate() {
            let mut names = Names::new(is_twin);
            names.in_project = true;
            names.others = pipe_names[..index].to_vec();
            let mut text = String::new();
            for (number, node) in nodes.iter().enumerate() {
                text.push_str(&format!(
                    "NODE n{number}\nSQL >\n    {}\n\n",
                    node.sql(&names)
                ));
                names.others.push(format!("n{number}"));
            }
            text.push_str("TYPE endpoint\n");
            files.push((pipe_names[index].clone(), text));
        }
        files
    }

    fn token(&self, tenant: Tenant, is_twin: bool) -> String {
        let suffix = Names::new(is_twin).suffix;
        let (org, customer) = match self.fixing {
            Fixing::Tenant => (json!(tenant.org), json!(tenant.customer)),
            Fixing::Nothing => return self.sign(tenant, suffix, json!({ "user": tenant.org })),
            Fixing::Empty => (json!(""), json!("")),
            Fixing::Null => (Value::Null, Value::Null),
            Fixing::Bool => (json!(true), json!(true)),
            Fixing::List => (json!(["amber", "birch"]), json!([7, 8])),
            Fixing::Object => (json!({ "org": "birch" }), json!({})),
        };
        self.sign(tenant, suffix, json!({ "org": org, "customer": customer }))
    }

    fn sign(&self, tenant: Tenant, suffix: &str, fixed: Value) -> String {
        let data_sources = DATA_SOURCES.map(|name| format!("{name}{suffix}"));
        let scope = |kind: &str, resource: Value| json!({ "sql": true, "type": kind, "resource": resource, "fixed_params": fixed });
        let all_pipes = || scope("PIPES:READ", json!(self.pipe_names(suffix)));
        let all_data = || scope("DATASOURCES:READ", json!(data_sources));
        let scopes = match self.scopes {
            Scopes::Everything => vec![all_pipes(), all_data()],
            Scopes::OneScopeForEach => {
                let pipes = self
                    .pipe_names(suffix)
                    .into_iter()
                    .map(|name| scope("PIPES:READ", name.into()));
                let data = data_sources
                    .iter()
                    .map(|name| scope("DATASOURCES:READ", name.as_str().into()));
                pipes.chain(data).collect()
            }
            Scopes::Filtered => {
                let filter = json!({ "sql": true, "type": "DATASOURCES:READ", "resource": data_sources[..3], "filter": "id % 2 = 0 OR amount > 4 -- or so" });
                vec![all_pipes(), all_data(), filter]
            }
            Scopes::Pipes => vec![all_pipes()],
            Scopes::DataSources => vec![all_data()],
        };
        token(tenant.org, scopes.into())
    }

    fn request(&self, ask: Ask, relation: &Relation, is_twin: bool) -> Request {
        let mut names = Names::new(is_twin);
        names.others = self.pipe_names(names.suffix);
        let pipe = |index: u8| names.others[usize::from(index) % names.others.len()].clone();
        match ask {
            Ask::Endpoint(index) => Request::pipe(&pipe(index), ""),
            Ask::Over(index) => {
                let over = Names {
                    is_over: true,
                    ..names.clone()
                };
                Request::pipe(&pipe(index), &relation.sql(&over))
            }
            Ask::Rows => Request::sql(&format!(
                "SELECT * FROM ({}) ORDER BY ALL LIMIT 100 FORMAT JSON",
                relation.sql(&names)
            )),
            Ask::Aggregates => Request::sql(&format!(
                "SELECT count(), sum(amount), max(id), max(secret), groupUniqArray(org) FROM ({})",
                relation.sql(&names)
            )),
        }
    }

    /// Whether the answer to this ask is the same at any time.
    fn is_stable(&self, relation: &Relation) -> bool {
        relation.is_stable() && self.pipes.iter().flatten().all(Relation::is_stable)
    }
}

/// What was asked, and what came of it.
#[derive(Debug, Default)]
struct Tally {
    asked: Cell<usize>,
    with_rows: Cell<usize>,
    compared: Cell<usize>,
}

fn count(cell: &Cell<usize>, add: bool) {
    cell.set(cell.get() + usize::from(add));
}

async fn check(world: &World, case: &Case, tally: &Tally) -> Result<(), TestCaseError> {
    let files: Vec<_> = [false, true]
        .into_iter()
        .flat_map(|is_twin| case.files(is_twin))
        .collect();
    world.serve(&files).await;
    for (ask, relation) in &case.asks {
        let request = case.request(*ask, relation, false);
        let tokens = TENANTS.map(|tenant| case.token(tenant, false));
        let alone = (
            case.request(*ask, relation, true),
            case.token(TENANTS[0], true),
        );
        let (first, second, third, twin) = tokio::join!(
            world.ask(&request, &tokens[0]),
            world.ask(&request, &tokens[1]),
            world.ask(&request, &tokens[2]),
            world.ask(&alone.0, &alone.1),
        );
        let is_tenant = case.fixing == Fixing::Tenant;
        for (tenant, answer) in TENANTS.into_iter().zip([&first, &second, &third]) {
            let own = is_tenant.then_some(tenant);
            if let Some(word) = answer.leaked(own, &request) {
                return Err(TestCaseError::fail(format!(
                    "{word:?} in the answer to {own:?}:\n{request:#?}\n{}\n{files:#?}",
                    answer.body
                )));
            }
            prop_assert!(answer.status < 500, "{request:#?}\n{answer:#?}\n{files:#?}");
        }
        if !is_tenant {
            continue;
        }
        count(&tally.asked, true);
        count(
            &tally.with_rows,
            first.status == 200 && !first.rows().is_empty(),
        );
        if case.is_stable(relation) {
            count(&tally.compared, first.status == 200);
            compare(&first, &twin, &request, &files)?;
        }
    }
    Ok(())
}

/// Amber's answer must be that of a server where nobody else has rows.
fn compare(
    answer: &Answer,
    twin: &Answer,
    request: &Request,
    files: &[(String, String)],
) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        answer.status,
        twin.status,
        "others' rows decide whether there is an answer: {:#?}\n{}\nalone: {}\n{:#?}",
        request,
        answer.body,
        twin.body,
        files
    );
    if answer.status == 200 {
        prop_assert_eq!(
            answer.rows(),
            twin.rows(),
            "others' rows change the answer: {:#?}\n{:#?}",
            request,
            files
        );
    }
    Ok(())
}

#[test]
fn whatever_is_asked_nobody_sees_a_strangers_row() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::start());
    let mut config = Config::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 64;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(2026);
    }
    config.max_shrink_iters = 150;
    config.failure_persistence = Some(Box::new(FileFailurePersistence::Direct(SEEDS)));
    let tally = Tally::default();
    let outcome = TestRunner::new(config).run(&case(), |case| {
        runtime.block_on(check(&world, &case, &tally))
    });
    runtime.block_on(world.stop());
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(error) => panic!("{error}"),
    }
    let (asked, with_rows) = (tally.asked.get(), tally.with_rows.get());
    assert!(
        with_rows * 3 > asked,
        "only {with_rows} of {asked} queries were answered with rows"
    );
    assert!(
        tally.compared.get() * 3 > asked,
        "only {} of {asked} answers were compared",
        tally.compared.get()
    );
}
