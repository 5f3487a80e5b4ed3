-- The message that tells of this one in its place.
ALTER TABLE delivery ADD COLUMN summary INTEGER;
CREATE INDEX delivery_by_summary ON delivery (summary) WHERE summary IS NOT NULL;
