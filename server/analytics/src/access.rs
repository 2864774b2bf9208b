//! Who may do what: static tokens, JWTs, scopes.
