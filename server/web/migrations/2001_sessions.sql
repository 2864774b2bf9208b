-- Sessions of the web server, in the columns tower-sessions-sqlx-store reads.
-- `id` is a digest: who reads this table cannot take over a session.
CREATE TABLE web_sessions (
    id TEXT PRIMARY KEY NOT NULL,
    data BLOB NOT NULL,
    expiry_date TEXT NOT NULL
);

CREATE INDEX web_sessions_expiry_date ON web_sessions (expiry_date);
