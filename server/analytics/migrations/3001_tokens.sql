-- Static tokens of the workspace. The workspace admin token is not here: it
-- lives with the other secrets, because it signs JWTs.
CREATE TABLE analytics_tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    -- The last segment of the token's text, 32 random bytes.
    secret BLOB NOT NULL,
    -- JSON lists of scopes such as "DATASOURCES:READ:flights": those given
    -- through the API, and those of the project's TOKEN lines.
    scopes TEXT NOT NULL,
    project_scopes TEXT NOT NULL,
    -- Unix time in microseconds.
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- JWTs that are refused although they are genuine.
CREATE TABLE analytics_revocations (
    kind TEXT NOT NULL CHECK (kind IN ('jti', 'name', 'user')),
    value TEXT NOT NULL,
    -- Unix time in seconds. By name and user, only tokens signed up to then
    -- are refused.
    revoked_at INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT;

-- Counts every change above, so that other processes on the same file can
-- tell with one cheap read that there was one.
CREATE TABLE analytics_access_version (
    version INTEGER NOT NULL
) STRICT;
INSERT INTO analytics_access_version (version) VALUES (0);

CREATE TRIGGER analytics_tokens_inserted AFTER INSERT ON analytics_tokens
BEGIN UPDATE analytics_access_version SET version = version + 1; END;
CREATE TRIGGER analytics_tokens_updated AFTER UPDATE ON analytics_tokens
BEGIN UPDATE analytics_access_version SET version = version + 1; END;
CREATE TRIGGER analytics_tokens_deleted AFTER DELETE ON analytics_tokens
BEGIN UPDATE analytics_access_version SET version = version + 1; END;
CREATE TRIGGER analytics_revocations_inserted AFTER INSERT ON analytics_revocations
BEGIN UPDATE analytics_access_version SET version = version + 1; END;
CREATE TRIGGER analytics_revocations_updated AFTER UPDATE ON analytics_revocations
BEGIN UPDATE analytics_access_version SET version = version + 1; END;
CREATE TRIGGER analytics_revocations_deleted AFTER DELETE ON analytics_revocations
BEGIN UPDATE analytics_access_version SET version = version + 1; END;
