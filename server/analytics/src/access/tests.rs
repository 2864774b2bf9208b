use std::collections::BTreeMap;

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use token::{Claims, Limits, Scope, ScopeKind, SigningKey, Verifier, sign};

use super::{
    Access, AccessError, Authority, AuthoritySettings, Resource, Revocation, RevocationKind,
    StaticScope, StaticTokenText, TokenStore, resource_id,
};

const ADMIN: &str = "p.eyJ1IjoidyIsImlkIjoiYWRtaW4ifQ.c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0";
const NOW: i64 = 1_763_000_000;
const FLIGHTS: Resource<'static> = Resource {
    name: "flights",
    id: "t_1",
};

async fn store() -> TokenStore {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(SqliteConnectOptions::new().in_memory(true))
        .await
        .unwrap();
    sqlx::migrate!()
        .set_ignore_missing(true)
        .run(&pool)
        .await
        .unwrap();
    TokenStore::new(pool)
}

async fn authority_on(store: TokenStore) -> Authority {
    let key = SigningKey::hs256(ADMIN).unwrap();
    Authority::new(AuthoritySettings {
        workspace_id: "w".into(),
        admin_token: ADMIN.into(),
        verifier: Verifier::new("w", [key.verifying_key()]).unwrap(),
        store,
        cache_bytes: 1 << 20,
    })
    .await
    .unwrap()
}

async fn authority() -> Authority {
    authority_on(store().await).await
}

fn claims() -> Claims {
    Claims {
        workspace_id: "w".into(),
        name: "frontend".into(),
        exp: NOW + 900,
        iat: Some(NOW),
        jti: Some("id-1".into()),
        sub: Some("ada".into()),
        scopes: vec![Scope::read_pipe("flights").fixed("org", "ua")],
        limits: Some(Limits { rps: 7 }),
        ..Claims::default()
    }
}

fn signed(claims: &Claims) -> String {
    sign(claims, &SigningKey::hs256(ADMIN).unwrap()).unwrap()
}

fn jwt_access(scopes: Vec<Scope>) -> Access {
    Access::with_claims(Claims { scopes, ..claims() })
}

#[tokio::test]
async fn the_admin_token_may_do_everything() {
    let authority = authority().await;
    let access = authority.authenticate(ADMIN, NOW).await.unwrap();
    assert!(access.is_admin() && access.administer().is_ok() && access.tokens().is_ok());
    assert!(access.pipe(FLIGHTS).unwrap().all_tenants);
    assert!(access.append(FLIGHTS).unwrap().all_tenants);
}

#[tokio::test]
async fn a_text_of_nobodys_is_unknown() {
    let authority = authority().await;
    let almost = format!("{}X", &ADMIN[..ADMIN.len() - 1]);
    let foreign = StaticTokenText {
        workspace_id: "v".into(),
        id: "a".into(),
        secret: vec![1; 32],
    };
    for text in ["p.", "p.notreal", &almost, &foreign.to_string()] {
        let error = authority.authenticate(text, NOW).await.unwrap_err();
        assert_eq!(error.code(), "token_unknown", "{text}");
    }
}

#[tokio::test]
async fn a_static_token_does_what_its_scopes_say() {
    let authority = authority().await;
    let scopes = [
        StaticScope::ReadPipe("flights".into()),
        StaticScope::AppendDataSource("t_1".into()),
    ];
    let token = authority
        .store()
        .create("reader", "", &scopes)
        .await
        .unwrap();
    let text = StaticTokenText {
        workspace_id: "w".into(),
        id: token.id.clone(),
        secret: token.secret,
    };
    let access = authority
        .authenticate(&text.to_string(), NOW)
        .await
        .unwrap();
    assert_eq!(access.token_name, "reader");
    assert!(access.pipe(FLIGHTS).is_ok());
    assert!(
        access.append(FLIGHTS).is_ok(),
        "a resource may be given by its id"
    );
    assert!(access.data_source(FLIGHTS).is_err());
    assert!(
        access
            .pipe(Resource {
                name: "other",
                id: "t_2"
            })
            .is_err()
    );
    assert!(access.drop_rows(FLIGHTS).is_err());
    assert!(access.tokens().is_err() && access.administer().is_err());

    let forged = StaticTokenText {
        secret: vec![0; 32],
        ..text
    };
    assert!(
        authority
            .authenticate(&forged.to_string(), NOW)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_refreshed_or_deleted_token_is_no_longer_good() {
    let authority = authority().await;
    let token = authority
        .store()
        .create("a", "", &[StaticScope::ReadAll])
        .await
        .unwrap();
    let text = |token: &super::StaticToken| {
        StaticTokenText {
            workspace_id: "w".into(),
            id: token.id.clone(),
            secret: token.secret.clone(),
        }
        .to_string()
    };
    assert!(authority.authenticate(&text(&token), NOW).await.is_ok());

    let refreshed = authority.store().refresh(&token.id).await.unwrap();
    authority.refresh().await.unwrap();
    assert!(authority.authenticate(&text(&token), NOW).await.is_err());
    assert!(authority.authenticate(&text(&refreshed), NOW).await.is_ok());

    authority.store().delete(&token.id).await.unwrap();
    authority.refresh().await.unwrap();
    assert!(
        authority
            .authenticate(&text(&refreshed), NOW)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn two_tokens_cannot_share_a_name() {
    let store = store().await;
    store.create("a", "", &[]).await.unwrap();
    let error = store.create("a", "", &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "there is a token named `a` already");
}

#[tokio::test]
async fn token_lines_make_tokens_and_keep_their_secrets() {
    let store = store().await;
    let lines = |scopes: Vec<StaticScope>| vec![("dashboard".to_owned(), scopes)];
    let read = StaticScope::ReadPipe("a".into());
    store
        .set_project_scopes(&lines(vec![read.clone()]))
        .await
        .unwrap();
    let first = store.find("dashboard").await.unwrap();
    assert_eq!(first.all_scopes().collect::<Vec<_>>(), [&read]);

    let version = store.version().await.unwrap();
    store
        .set_project_scopes(&lines(vec![read.clone()]))
        .await
        .unwrap();
    assert_eq!(store.version().await.unwrap(), version, "nothing changed");

    store.set_project_scopes(&[]).await.unwrap();
    let without = store.find("dashboard").await.unwrap();
    assert_eq!(without.all_scopes().count(), 0);
    assert_eq!(without.secret, first.secret);
}

#[tokio::test]
async fn token_lines_leave_what_the_api_gave() {
    let store = store().await;
    let (by_api, by_line) = (StaticScope::Tokens, StaticScope::ReadPipe("a".into()));
    store
        .create("both", "", std::slice::from_ref(&by_api))
        .await
        .unwrap();
    store
        .set_project_scopes(&[("both".to_owned(), vec![by_line.clone()])])
        .await
        .unwrap();
    let both = store.find("both").await.unwrap();
    assert_eq!(both.all_scopes().collect::<Vec<_>>(), [&by_api, &by_line]);
}

#[tokio::test]
async fn a_jwt_is_good_until_it_expires_however_often_it_was_shown() {
    let authority = authority().await;
    let token = signed(&claims());
    let access = authority.authenticate(&token, NOW).await.unwrap();
    assert_eq!((access.token_name.as_str(), access.rps), ("frontend", 7));
    assert!(authority.authenticate(&token, NOW + 899).await.is_ok());
    let error = authority.authenticate(&token, NOW + 900).await.unwrap_err();
    assert_eq!(error.code(), "token_expired");
}

#[tokio::test]
async fn tokens_are_revoked_by_id_name_and_user() {
    for (kind, value) in [
        (RevocationKind::Jti, "id-1"),
        (RevocationKind::Name, "frontend"),
        (RevocationKind::User, "ada"),
    ] {
        let authority = authority().await;
        let token = signed(&claims());
        assert!(authority.authenticate(&token, NOW).await.is_ok());
        let revocation = Revocation {
            kind,
            value: value.into(),
            revoked_at: NOW,
        };
        authority.store().revoke(&revocation).await.unwrap();
        authority.refresh().await.unwrap();
        let error = authority.authenticate(&token, NOW).await.unwrap_err();
        assert_eq!(error.code(), "token_revoked", "{kind:?}");

        assert!(authority.store().lift(kind, value).await.unwrap());
        authority.refresh().await.unwrap();
        assert!(
            authority.authenticate(&token, NOW).await.is_ok(),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn a_revocation_by_name_spares_tokens_signed_later() {
    let authority = authority().await;
    let revocation = Revocation {
        kind: RevocationKind::Name,
        value: "frontend".into(),
        revoked_at: NOW,
    };
    authority.store().revoke(&revocation).await.unwrap();
    authority.refresh().await.unwrap();
    let with_iat = |iat| signed(&Claims { iat, ..claims() });
    assert!(
        authority
            .authenticate(&with_iat(Some(NOW)), NOW)
            .await
            .is_err()
    );
    assert!(
        authority.authenticate(&with_iat(None), NOW).await.is_err(),
        "it may be older"
    );
    assert!(
        authority
            .authenticate(&with_iat(Some(NOW + 1)), NOW)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_change_by_another_process_is_seen_by_its_version() {
    let store = store().await;
    let here = authority_on(store.clone()).await;
    let elsewhere = authority_on(store).await;
    let token = signed(&claims());
    assert!(here.authenticate(&token, NOW).await.is_ok());
    let revocation = Revocation {
        kind: RevocationKind::Jti,
        value: "id-1".into(),
        revoked_at: NOW,
    };
    elsewhere.store().revoke(&revocation).await.unwrap();
    here.refresh().await.unwrap();
    assert!(matches!(
        here.authenticate(&token, NOW).await,
        Err(AccessError::Revoked)
    ));
}

#[test]
fn a_jwt_reaches_its_resources_and_nothing_else() {
    let access = jwt_access(vec![Scope::new(
        ScopeKind::PipesRead,
        vec!["flights".to_owned(), "t_9".to_owned()],
    )]);
    assert!(!access.pipe(FLIGHTS).unwrap().all_tenants);
    assert!(
        access
            .pipe(Resource {
                name: "by_id",
                id: "t_9"
            })
            .is_ok()
    );
    assert!(
        access
            .pipe(Resource {
                name: "flights_2",
                id: "t_2"
            })
            .is_err()
    );
    assert!(
        access.data_source(FLIGHTS).is_err(),
        "another kind of scope"
    );
    assert!(access.append(FLIGHTS).is_err());
    assert!(access.metadata().is_err() && access.tokens().is_err());
    assert!(access.drop_rows(FLIGHTS).is_err() && access.deploy().is_err());
}

#[test]
fn scopes_on_one_resource_narrow_each_other() {
    let read = |filter: &str, org: &str| Scope {
        filter: Some(filter.into()),
        ..Scope::new(ScopeKind::DataSourcesRead, "flights").fixed("org", org)
    };
    let granted = jwt_access(vec![read("a = 1", "ua"), read("b = 2", "ua")]).data_source(FLIGHTS);
    let granted = granted.unwrap();
    assert_eq!(granted.filters, ["a = 1", "b = 2"]);
    assert_eq!(
        granted.fixed_params,
        BTreeMap::from([("org".to_owned(), json!("ua"))])
    );

    let error = jwt_access(vec![read("a = 1", "ua"), read("b = 2", "b6")]).data_source(FLIGHTS);
    assert_eq!(error.unwrap_err().code(), "token_ambiguous_scope");
}

#[test]
fn a_parameter_fixed_for_one_pipe_holds_for_that_pipe_alone() {
    let access = jwt_access(vec![
        Scope::read_pipe("flights").fixed("org", "ua"),
        Scope::read_pipe("other"),
    ]);
    let other = access
        .pipe(Resource {
            name: "other",
            id: "t_2",
        })
        .unwrap();
    assert!(other.fixed_params.is_empty());
}

#[test]
fn ids_are_stable_and_shaped_like_tinybirds() {
    let id = resource_id("w", "flights");
    assert_eq!(id, resource_id("w", "flights"));
    assert_ne!(id, resource_id("v", "flights"));
    assert!(id.starts_with("t_") && id.len() == 34, "{id}");
}
