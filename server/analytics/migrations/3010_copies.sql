-- How far the schedules of copy pipes are followed, and which are paused.
CREATE TABLE analytics_copies (
    pipe TEXT PRIMARY KEY,
    -- The cron expression that handled_until counts for.
    schedule TEXT NOT NULL,
    is_paused INTEGER NOT NULL,
    -- Unix time in seconds: the moments up to this one ran, or were passed
    -- over while the copy was paused.
    handled_until INTEGER NOT NULL
) STRICT;
