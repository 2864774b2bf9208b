//! How long signing and verifying take. Together they have to stay below 10 µs.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use token::{
    Claims, JwtTemplate, Limits, Mint, OrganizationClaims, Scope, SigningKey, Subject, UserClaims,
    Verifier, sign,
};

const SECRET: &str = "p.eyJ1IjogImEifQ.an-admin-token-for-the-benchmark";
const WORKSPACE: &str = "0c5f1f4e-2b7e-4c0a-9e0a-3f7b8f0d1a2b";
const NOW: i64 = 1_763_000_000;

fn claims(scopes: usize) -> Claims {
    let scope = |index| {
        Scope::read_pipe(&format!("endpoint_{index}"))
            .fixed("org", "ua")
            .fixed("user", "user_1a2b")
    };
    Claims {
        workspace_id: WORKSPACE.into(),
        name: "rookery_user_1a2b".into(),
        exp: NOW + 900,
        iat: Some(NOW),
        jti: Some("5b1f3c1e-0000-4000-8000-000000000000".into()),
        scopes: (0..scopes).map(scope).collect(),
        limits: Some(Limits { rps: 10 }),
        ..Claims::default()
    }
}

fn token(criterion: &mut Criterion) {
    let key = SigningKey::hs256(SECRET).expect("a long secret");
    let verifier = Verifier::new(WORKSPACE, [key.verifying_key()]).expect("one key");

    for scopes in [1, 5, 30] {
        let claims = claims(scopes);
        let signed = sign(&claims, &key).expect("good claims");
        criterion.bench_function(&format!("sign/{scopes} scopes"), |bench| {
            bench.iter(|| sign(black_box(&claims), &key));
        });
        criterion.bench_function(&format!("verify/{scopes} scopes"), |bench| {
            bench.iter(|| verifier.verify(black_box(&signed), NOW));
        });
        criterion.bench_function(&format!("sign and verify/{scopes} scopes"), |bench| {
            bench.iter(|| {
                verifier
                    .verify(&sign(black_box(&claims), &key)?, NOW)
                    .map_err(Error::Verify)
            });
        });
    }

    let template = include_str!("../../../demo/jwt_templates/tinybird.json");
    let template = JwtTemplate::parse(template).expect("the demo's template");
    let mint = Mint::new(template, key, WORKSPACE);
    let subject = Subject {
        user: UserClaims {
            id: "user_1a2b".into(),
            ..UserClaims::default()
        },
        organization: Some(OrganizationClaims {
            slug: "ua".into(),
            ..Default::default()
        }),
    };
    criterion.bench_function("mint/demo template", |bench| {
        bench.iter(|| mint.mint(black_box(&subject), NOW));
    });
}

/// Either half of the round trip may fail; the bench only has to type-check.
#[derive(Debug)]
enum Error {
    Sign(#[expect(dead_code, reason = "shown by Debug")] token::SignError),
    Verify(#[expect(dead_code, reason = "shown by Debug")] token::VerifyError),
}

impl From<token::SignError> for Error {
    fn from(error: token::SignError) -> Self {
        Self::Sign(error)
    }
}

criterion_group!(benches, token);
criterion_main!(benches);
