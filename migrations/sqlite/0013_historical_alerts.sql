-- An alert may be historical: over when it is written, by readings that came too late to tell anybody.
CREATE TABLE alert_of_any_time (
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
    measure     TEXT    NOT NULL DEFAULT 'value' CHECK (measure IN ('value', 'rate', 'sigmas', 'silence')),
    per_ms      INTEGER CHECK ((per_ms IS NOT NULL) = (measure = 'rate')),
    muted       INTEGER NOT NULL DEFAULT 0 CHECK (muted IN (0, 1))
) STRICT;
INSERT INTO alert_of_any_time (id, rule, rule_name, severity, device, series, state, value, threshold, started_at, fired_at,
    resolved_at, acked_at, ack_comment, learned_at, measure, per_ms, muted)
    SELECT id, rule, rule_name, severity, device, series, state, value, threshold, started_at, fired_at,
    resolved_at, acked_at, ack_comment, learned_at, measure, per_ms, muted FROM alert;
-- No number is given twice, also not that of the newest alert when it was cancelled.
DELETE FROM sqlite_sequence WHERE name = 'alert_of_any_time';
INSERT INTO sqlite_sequence (name, seq) SELECT 'alert_of_any_time', seq FROM sqlite_sequence WHERE name = 'alert';
DROP TABLE alert;
ALTER TABLE alert_of_any_time RENAME TO alert;
CREATE INDEX alert_open ON alert (id) WHERE state IN ('pending', 'firing');
CREATE INDEX alert_by_device ON alert (device, id);
