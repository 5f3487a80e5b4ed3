-- Rules may look at more than they did, and wait before an alert resolves. What of the columns a condition has, its kind says.
CREATE TABLE rule_of_any_kind (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    device       TEXT    NOT NULL,
    sensor       TEXT    NOT NULL,
    labels       TEXT    NOT NULL,
    condition    TEXT    NOT NULL,
    op           TEXT    CHECK (op IN ('above', 'at_least', 'below', 'at_most')),
    value        REAL,
    clear        REAL,
    over_ms      INTEGER,
    per_ms       INTEGER,
    least        REAL,
    silence_ms   INTEGER,
    hold_ms      INTEGER NOT NULL,
    clear_for_ms INTEGER NOT NULL DEFAULT 0,
    severity     TEXT    NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
-- An increase was a rate in no unit of time.
INSERT INTO rule_of_any_kind (id, name, device, sensor, labels, condition, op, value, clear, over_ms, per_ms, least, silence_ms,
    hold_ms, severity, enabled, created_at, updated_at)
    SELECT id, name, device, sensor, labels, iif(condition = 'rate' AND per_ms = 0, 'increase', condition), op, value, clear,
    over_ms, nullif(per_ms, 0), least, silence_ms, hold_ms, severity, enabled, created_at, updated_at FROM rule;
-- No number is given twice, also not that of the newest rule when it was deleted.
DELETE FROM sqlite_sequence WHERE name = 'rule_of_any_kind';
INSERT INTO sqlite_sequence (name, seq) SELECT 'rule_of_any_kind', seq FROM sqlite_sequence WHERE name = 'rule';
CREATE TABLE rule_webhook_of_any_kind (
    rule     INTEGER NOT NULL REFERENCES rule_of_any_kind (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    webhook  INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    PRIMARY KEY (rule, position)
) STRICT, WITHOUT ROWID;
INSERT INTO rule_webhook_of_any_kind (rule, position, webhook) SELECT rule, position, webhook FROM rule_webhook;
-- These first: with the rules they would be deleted one by one.
DROP TABLE rule_webhook;
DROP TABLE rule;
ALTER TABLE rule_of_any_kind RENAME TO rule;
ALTER TABLE rule_webhook_of_any_kind RENAME TO rule_webhook;
CREATE INDEX rule_webhook_by_webhook ON rule_webhook (webhook);

-- The numbers of an alert may measure more as well.
CREATE TABLE alert_of_any_measure (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    rule        INTEGER NOT NULL, -- no foreign key: alerts outlive their rule; 0 for the hub's own
    rule_name   TEXT    NOT NULL,
    severity    TEXT    NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    device      INTEGER REFERENCES device (no) ON DELETE CASCADE,
    series      INTEGER CHECK ((series IS NULL) = (device IS NULL)),
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'firing', 'resolved', 'historical')),
    value       REAL,
    threshold   REAL    NOT NULL,
    started_at  INTEGER NOT NULL,
    fired_at    INTEGER,
    resolved_at INTEGER,
    acked_at    INTEGER,
    ack_comment TEXT,
    learned_at  INTEGER NOT NULL, -- when the hub learned of the last change
    measure     TEXT    NOT NULL DEFAULT 'value',
    per_ms      INTEGER CHECK ((per_ms IS NOT NULL) = (measure = 'rate')),
    muted       INTEGER NOT NULL DEFAULT 0 CHECK (muted IN (0, 1)),
    new_normal  INTEGER NOT NULL DEFAULT 0 CHECK (new_normal IN (0, 1)),
    worst       REAL,
    last        REAL,
    acked_by    TEXT    NOT NULL DEFAULT ''
) STRICT;
INSERT INTO alert_of_any_measure (id, rule, rule_name, severity, device, series, state, value, threshold, started_at, fired_at,
    resolved_at, acked_at, ack_comment, learned_at, measure, per_ms, muted, new_normal, worst, last, acked_by)
    SELECT id, rule, rule_name, severity, device, series, state, value, threshold, started_at, fired_at,
    resolved_at, acked_at, ack_comment, learned_at, measure, per_ms, muted, new_normal, worst, last, acked_by FROM alert;
DELETE FROM sqlite_sequence WHERE name = 'alert_of_any_measure';
INSERT INTO sqlite_sequence (name, seq) SELECT 'alert_of_any_measure', seq FROM sqlite_sequence WHERE name = 'alert';
DROP TABLE alert;
ALTER TABLE alert_of_any_measure RENAME TO alert;
CREATE INDEX alert_open ON alert (id) WHERE state IN ('pending', 'firing');
CREATE INDEX alert_by_device ON alert (device, id);
