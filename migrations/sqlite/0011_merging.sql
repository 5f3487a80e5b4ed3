-- Small cuts are merged; 0: as it was cut, 1: as large as it gets (store/merge.rs).
ALTER TABLE times ADD COLUMN level INTEGER NOT NULL DEFAULT 0;
CREATE INDEX times_to_merge ON times (device, cut, count, received_at) WHERE level = 0;
-- A merged row is numbered anew and counts as the last cut that is in it: what is oldest is said by the cut.
CREATE INDEX times_by_cut ON times (cut);
-- Cells are written in another way; merging makes them anew.
DELETE FROM cells;
