//! The embedded OpenID Connect provider: users, organizations and memberships
