-- What is usual where a rule is about what is unusual: what it was, from and to, as numbers with a blank between them; of growth a second a
-- word behind them.
ALTER TABLE alert ADD COLUMN usual TEXT;
ALTER TABLE alert_part ADD COLUMN usual TEXT;
-- Since when what a firing alert is about has been good again, where its rule waits before it resolves.
ALTER TABLE alert ADD COLUMN well_since INTEGER;
