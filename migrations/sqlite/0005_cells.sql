-- Figures of a row's series by five minutes, see store/cells.rs; NULL where readings are rare.
ALTER TABLE times ADD COLUMN cells BLOB;
-- All that is asked to find out which blocks overlap.
DROP INDEX times_by_device;
CREATE INDEX times_by_device ON times (device, end_at, start_at, cut);
