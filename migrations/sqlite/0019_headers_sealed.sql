-- Headers of a webhook hold credentials of its receiver: sealed under secret.key from here on, as its secrets are. What an older
-- hub left in `headers` is sealed when the database is opened next, and `headers` is empty from then on.
ALTER TABLE webhook ADD COLUMN headers_sealed BLOB;
-- Rules that are made without a word about webhooks tell those.
ALTER TABLE webhook ADD COLUMN for_new_rules INTEGER NOT NULL DEFAULT 0 CHECK (for_new_rules IN (0, 1));
-- How many attempts a person asked for: they shorten no schedule.
ALTER TABLE delivery ADD COLUMN by_hand INTEGER NOT NULL DEFAULT 0;
