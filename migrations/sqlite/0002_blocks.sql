-- The journal keeps what is not yet in blocks; memory mirrors it, so nothing looks into it by device or time.
DROP INDEX journal_by_segment;
DROP TABLE segment;
ALTER TABLE journal DROP COLUMN segment;
ALTER TABLE journal DROP COLUMN start_at;
ALTER TABLE journal DROP COLUMN end_at;
ALTER TABLE journal DROP COLUMN count;

-- How far a device's journal is in blocks: rows up to `row` count no longer and are swept in the order they came.
CREATE TABLE cut (
    device INTEGER PRIMARY KEY REFERENCES device (no) ON DELETE CASCADE,
    row    INTEGER NOT NULL
) STRICT;

-- Times of readings, shared by the series of a device that were sampled together. Appended, never moved.
CREATE TABLE times (
    id       INTEGER PRIMARY KEY,
    cut      INTEGER NOT NULL, -- first row of the same cut; within one cut no series has a moment twice
    device   INTEGER NOT NULL, -- no foreign key: deleted in small steps before the device is
    start_at INTEGER NOT NULL,
    end_at   INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    data     BLOB    NOT NULL
) STRICT;
CREATE INDEX times_by_device ON times (device, end_at, start_at);

-- Values of one series at the times of one row of `times`. The key says both, so that no index is needed and it grows.
CREATE TABLE block (
    id    INTEGER PRIMARY KEY, -- times << 32 | series
    scale INTEGER, -- numbers are integers over 10^scale; NULL: they are as they are
    min   ANY  NOT NULL,
    max   ANY  NOT NULL,
    sum   ANY  NOT NULL,
    first ANY  NOT NULL,
    last  ANY  NOT NULL,
    data  BLOB NOT NULL
) STRICT;
