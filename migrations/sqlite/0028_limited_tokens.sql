-- A token may be only for devices that have certain labels; those of before are for all.
ALTER TABLE token ADD COLUMN labels TEXT NOT NULL DEFAULT ''
    CHECK (labels = '' OR scope IN ('ingest', 'read', 'write'));
