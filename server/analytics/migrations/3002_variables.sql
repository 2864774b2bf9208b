-- Secrets of the project's templates (`tb_secret`), set through the API.
CREATE TABLE analytics_variables (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    -- Unix time in microseconds.
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
