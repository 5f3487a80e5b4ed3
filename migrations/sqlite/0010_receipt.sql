-- Age counts from when the hub received a reading. Blocks made before this step count from it.
ALTER TABLE times ADD COLUMN received_at INTEGER;
UPDATE times SET received_at = unixepoch() * 1000;
CREATE INDEX times_by_receipt ON times (device, received_at);
ALTER TABLE hours ADD COLUMN received_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE minutes ADD COLUMN received_at INTEGER NOT NULL DEFAULT 0;

-- Rollups of a device hold readings before `rolled_to` only; before `minutes_from` only hours hold all of them.
ALTER TABLE cut RENAME COLUMN raw_from TO rolled_to;
ALTER TABLE cut ADD COLUMN minutes_from INTEGER;
-- The sums of `cut` cover what is new in it.
DROP TRIGGER cut_changed;
UPDATE cut SET minutes_from = (SELECT minutes_from FROM progress), crc = NULL;
CREATE TRIGGER cut_changed AFTER UPDATE OF device, row, rolled_to, minutes_from ON cut
BEGIN
    UPDATE cut SET crc = NULL WHERE device = NEW.device;
END;
ALTER TABLE progress DROP COLUMN minutes_from;

-- How large the database was and how much was written, an hour apart, for a little over a day: for the forecast.
CREATE TABLE growth (
    at      INTEGER PRIMARY KEY,
    used    INTEGER NOT NULL, -- bytes
    written INTEGER NOT NULL  -- bytes, over all starts
) STRICT;
