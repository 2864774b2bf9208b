//! Server-side rendering, sessions, OpenID Connect sign-in and the token middleware
