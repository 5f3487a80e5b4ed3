-- What waits is asked for webhook by webhook, the soonest first: so what waits for one costs the others nothing, and a claim reads what
-- it takes. What is under way is found apart.
CREATE INDEX delivery_next ON delivery (webhook, next_attempt_at, id) WHERE state = 'pending' AND summary IS NULL;
CREATE INDEX delivery_leased ON delivery (leased_until) WHERE leased_until IS NOT NULL;
DROP INDEX delivery_due;
