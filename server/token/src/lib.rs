//! Claims, scopes, JWT templates, signing and verifying
