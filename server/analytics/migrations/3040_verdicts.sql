-- What was checked of projects and found good, so that a restart does not
-- check it again.
CREATE TABLE analytics_verdicts (
    -- Of everything that decided the verdict.
    fingerprint TEXT PRIMARY KEY,
    -- JSON.
    verdict TEXT NOT NULL
) STRICT, WITHOUT ROWID;
