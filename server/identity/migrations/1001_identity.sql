-- People, their organizations and what the provider remembers of them.
-- Times are Unix seconds. Secrets (session ids, codes, access tokens) are kept
-- as SHA-256 digests only.

CREATE TABLE identity_users (
    id                 TEXT PRIMARY KEY,
    email              TEXT NOT NULL UNIQUE,            -- in lower case
    email_verified     INTEGER NOT NULL,
    name               TEXT NOT NULL,
    preferred_username TEXT,
    password_hash      TEXT,                            -- PHC string; null: cannot sign in by password
    demo               INTEGER NOT NULL DEFAULT 0       -- the password is public knowledge
) STRICT;

CREATE TABLE identity_organizations (
    id   TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE identity_memberships (
    user_id         TEXT NOT NULL REFERENCES identity_users (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES identity_organizations (id) ON DELETE CASCADE,
    role            TEXT NOT NULL,
    PRIMARY KEY (user_id, organization_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_memberships_by_organization ON identity_memberships (organization_id);

CREATE TABLE identity_sessions (
    id_hash      BLOB PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES identity_users (id) ON DELETE CASCADE,
    auth_time    INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_sessions_by_user ON identity_sessions (user_id);

-- One authorization: its code and, once that is redeemed, its access token.
-- Both in one row, so that a code's second use takes its token away.
CREATE TABLE identity_grants (
    code_hash        BLOB PRIMARY KEY,
    session_hash     BLOB NOT NULL REFERENCES identity_sessions (id_hash) ON DELETE CASCADE,
    user_id          TEXT NOT NULL REFERENCES identity_users (id) ON DELETE CASCADE,
    client_id        TEXT NOT NULL,
    redirect_uri     TEXT NOT NULL,
    scope            TEXT NOT NULL,
    nonce            TEXT,
    code_challenge   TEXT,
    auth_time        INTEGER NOT NULL,
    code_expires_at  INTEGER NOT NULL,
    redeemed_at      INTEGER,
    revoked_at       INTEGER,
    token_hash       BLOB UNIQUE,
    token_expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_grants_by_session ON identity_grants (session_hash);
CREATE INDEX identity_grants_by_user ON identity_grants (user_id);

-- Failed sign-ins by digest of the account name or of the client's address.
CREATE TABLE identity_failed_attempts (
    key_hash       BLOB PRIMARY KEY,
    failures       INTEGER NOT NULL,
    last_failed_at INTEGER NOT NULL,
    forget_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
