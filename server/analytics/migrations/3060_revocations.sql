-- When a revocation has no token left to refuse, in unix seconds; null: never.
ALTER TABLE analytics_revocations ADD COLUMN forget_at INTEGER;
