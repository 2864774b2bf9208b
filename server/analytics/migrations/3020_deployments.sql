-- Projects that were deployed over HTTP. Which one is served is said by the
-- project's directory; this is the history, and the journal of changing it.
CREATE TABLE analytics_deployments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- `staged` waits to be set live; `promoting` is being made live, and is so
    -- again at the next start when the process ends meanwhile.
    status TEXT NOT NULL CHECK (status IN ('staged', 'promoting', 'live', 'deleted')),
    -- Whether data sources may disappear with it, or their tenants' borders.
    allows_destruction INTEGER NOT NULL,
    -- What it changes and what its author should know, as JSON.
    summary TEXT NOT NULL,
    -- Its datafiles as JSON, while they are not yet in the directory; and those
    -- they replace, while that is under way.
    files TEXT,
    former TEXT,
    -- Unix time in microseconds.
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX analytics_deployments_live
    ON analytics_deployments (status) WHERE status IN ('staged', 'live');
