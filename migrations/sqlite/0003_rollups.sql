-- What is left of raw readings that grew too old: their figures by the minute and by the hour.
-- A row is a day of minutes or a week of hours of one series; the key is (its number since 1970) << 32 | series.
CREATE TABLE minutes (
    id    INTEGER PRIMARY KEY,
    count INTEGER NOT NULL, -- of buckets
    data  BLOB    NOT NULL
) STRICT;

CREATE TABLE hours (
    id    INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    data  BLOB    NOT NULL
) STRICT;

-- A device's readings before `raw_from` count by their rollups alone; written with them, in one transaction.
ALTER TABLE cut ADD COLUMN raw_from INTEGER;
-- Before this moment only hours are left.
ALTER TABLE progress ADD COLUMN minutes_from INTEGER;
