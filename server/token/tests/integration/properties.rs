//! What holds for any text and any claims.

use proptest::prelude::*;
use token::{Claims, Scope, SigningKey, sign};

use crate::support::{HEADER, NOW, SECRET, WORKSPACE, good, hs256_verifier, raw};

proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,300}") {
        prop_assert!(hs256_verifier().verify(&text, NOW).is_err());
    }

    #[test]
    fn any_change_to_a_token_is_refused(position in 0usize..400, character in "[A-Za-z0-9_.=-]") {
        let token = raw(HEADER, &good().to_string());
        let position = position % token.len();
        let mut changed = token.clone();
        changed.replace_range(position..=position, &character);
        prop_assume!(changed != token);
        prop_assert!(hs256_verifier().verify(&changed, NOW).is_err());
    }

    #[test]
    fn claims_survive_the_journey(
        name in "[^{]{1,60}",
        value in "[^{]{0,20}[a-z'\"\\\\é]",
        number in any::<i64>(),
        exp in NOW + 1..NOW * 2,
    ) {
        let claims = Claims {
            workspace_id: WORKSPACE.into(),
            name,
            exp,
            scopes: vec![Scope::read_pipe("p").fixed("text", value).fixed("number", number)],
            ..Claims::default()
        };
        let token = sign(&claims, &SigningKey::hs256(SECRET).unwrap()).unwrap();
        prop_assert_eq!(hs256_verifier().verify(&token, NOW).unwrap(), claims);
    }
}
