-- A rule has tags of its own, and an alert keeps those that its rule had when it began: `key=value` lines, as labels are.
ALTER TABLE rule ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN tags TEXT NOT NULL DEFAULT '';
