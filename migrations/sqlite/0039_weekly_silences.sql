-- A silence may be in force only in some hours of each week: bits of the days from Monday, minutes after midnight, the time zone.
ALTER TABLE silence ADD COLUMN days INTEGER CHECK (days BETWEEN 1 AND 127);
ALTER TABLE silence ADD COLUMN day_from INTEGER CHECK ((day_from IS NULL) = (days IS NULL) AND day_from BETWEEN 0 AND 1439);
ALTER TABLE silence ADD COLUMN day_until INTEGER CHECK ((day_until IS NULL) = (days IS NULL) AND day_until BETWEEN 0 AND 1439);
ALTER TABLE silence ADD COLUMN zone TEXT CHECK ((zone IS NULL) = (days IS NULL));
