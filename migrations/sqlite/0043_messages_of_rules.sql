-- Templates of what people are told of a rule's alerts; the hub's own words where there is none.
ALTER TABLE rule ADD COLUMN message_title TEXT;
ALTER TABLE rule ADD COLUMN message_text TEXT;
