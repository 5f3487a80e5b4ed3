-- Messages to people that wait for others of their rule: until when, and of which rule.
ALTER TABLE delivery ADD COLUMN held_until INTEGER;
ALTER TABLE delivery ADD COLUMN rule INTEGER;
CREATE INDEX delivery_held ON delivery (webhook, rule) WHERE state = 'pending' AND held_until IS NOT NULL;
