-- A rule may be about several sensors of a device: the other one of a difference, and how old its last reading may be.
ALTER TABLE rule ADD COLUMN other TEXT;
ALTER TABLE rule ADD COLUMN within_ms INTEGER;
-- The conditions that a rule joins.
CREATE TABLE rule_part (
    rule      INTEGER NOT NULL REFERENCES rule (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    sensor    TEXT, -- NULL: the rule's
    condition TEXT    NOT NULL,
    op        TEXT    CHECK (op IN ('above', 'at_least', 'below', 'at_most')),
    value     REAL,
    clear     REAL,
    over_ms   INTEGER,
    per_ms    INTEGER,
    least     REAL,
    PRIMARY KEY (rule, position)
) STRICT, WITHOUT ROWID;
-- What each of them measured when an alert began or fired.
CREATE TABLE alert_part (
    alert     INTEGER NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    sensor    TEXT    NOT NULL, -- empty: the alert's
    unit      TEXT    NOT NULL,
    measure   TEXT    NOT NULL,
    per_ms    INTEGER CHECK ((per_ms IS NOT NULL) = (measure = 'rate')),
    value     REAL,
    threshold REAL    NOT NULL,
    is_true   INTEGER NOT NULL CHECK (is_true IN (0, 1)),
    PRIMARY KEY (alert, position)
) STRICT, WITHOUT ROWID;
