-- Sessions by whom they belong to, so that all of a person's can be found and
-- ended. Sessions of before hold nothing to ask their provider with: their
-- people sign in again.
DROP TABLE web_sessions;

-- `id` is a digest: who reads this table cannot take over a session.
CREATE TABLE web_sessions (
    id TEXT PRIMARY KEY NOT NULL,
    -- JSON by key: `account`, `seen`, and what else a session remembers.
    data TEXT NOT NULL,
    -- Unix seconds.
    expires_at INTEGER NOT NULL,
    issuer TEXT GENERATED ALWAYS AS (data ->> '$.account.issuer') VIRTUAL,
    subject TEXT GENERATED ALWAYS AS (data ->> '$.account.profile.subject') VIRTUAL,
    -- The provider's name of its own session (claim `sid`).
    provider_session TEXT GENERATED ALWAYS AS (data ->> '$.provider_session') VIRTUAL
) STRICT;

CREATE INDEX web_sessions_expires_at ON web_sessions (expires_at);
CREATE INDEX web_sessions_person ON web_sessions (subject, issuer);
CREATE INDEX web_sessions_provider_session ON web_sessions (issuer, provider_session);

-- Counts ended sessions, so that other processes on the same file can tell
-- with one cheap read that there was one.
CREATE TABLE web_sessions_ended (
    count INTEGER NOT NULL
) STRICT;
INSERT INTO web_sessions_ended (count) VALUES (0);

CREATE TRIGGER web_sessions_deleted AFTER DELETE ON web_sessions
BEGIN UPDATE web_sessions_ended SET count = count + 1; END;
