-- An alert keeps what was measured when it fired; beside it the worst that was measured while it lasted, and what ended it.
ALTER TABLE alert ADD COLUMN worst REAL;
ALTER TABLE alert ADD COLUMN last REAL;
-- Of alerts that are over only what ended them was kept. What fired the others is the worst that is known of them; of those that
-- were over before they were known some kept the one, some the other.
UPDATE alert SET last = value, value = NULL WHERE state = 'resolved' AND measure <> 'silence';
UPDATE alert SET worst = value WHERE value IS NOT NULL AND state <> 'historical';
