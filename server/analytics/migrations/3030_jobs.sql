-- Work that goes on after its request was answered, and the last of it that
-- has ended. What has not ended goes on at the next start.
CREATE TABLE analytics_jobs (
    id TEXT PRIMARY KEY,
    -- What it does, as JSON: enough to do it again.
    task TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'working', 'done', 'error', 'cancelled')),
    -- Members of its description, as JSON.
    details TEXT NOT NULL,
    error TEXT,
    -- The token that asked for it.
    token_id TEXT,
    -- Unix time in microseconds.
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    updated_at INTEGER NOT NULL
) STRICT;
