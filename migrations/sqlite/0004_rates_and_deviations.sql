-- Conditions about more than the last value. A deviation keeps its limit in `value` and is `above`: further away.
ALTER TABLE rule ADD COLUMN condition TEXT NOT NULL DEFAULT 'threshold'
    CHECK (condition IN ('threshold', 'rate', 'deviation', 'silence'));
UPDATE rule SET condition = 'silence' WHERE op IS NULL;
ALTER TABLE rule ADD COLUMN over_ms INTEGER CHECK ((over_ms IS NOT NULL) = (condition IN ('rate', 'deviation')));
ALTER TABLE rule ADD COLUMN per_ms INTEGER CHECK ((per_ms IS NOT NULL) = (condition = 'rate'));
ALTER TABLE rule ADD COLUMN least REAL CHECK (least IS NULL OR condition = 'deviation');

-- What the numbers of an alert measure; kept with it, because alerts outlive their rule.
ALTER TABLE alert ADD COLUMN measure TEXT NOT NULL DEFAULT 'value'
    CHECK (measure IN ('value', 'rate', 'sigmas', 'silence'));
UPDATE alert SET measure = 'silence' WHERE value IS NULL;
ALTER TABLE alert ADD COLUMN per_ms INTEGER CHECK ((per_ms IS NOT NULL) = (measure = 'rate'));
