-- Rules that are kept in files: which file, and the line in it. None of what was made by hand.
ALTER TABLE rule ADD COLUMN file TEXT;
ALTER TABLE rule ADD COLUMN line INTEGER CHECK ((line IS NULL) = (file IS NULL));
