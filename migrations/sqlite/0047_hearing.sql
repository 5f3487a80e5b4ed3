-- Of which alerts a webhook is told: of those so bad, of devices with these labels, of rules with these tags.
ALTER TABLE webhook ADD COLUMN least_severity TEXT NOT NULL DEFAULT 'info' CHECK (least_severity IN ('info', 'warning', 'critical'));
ALTER TABLE webhook ADD COLUMN labels TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook ADD COLUMN tags TEXT NOT NULL DEFAULT '';
-- Hours of the week in which nothing is sent to it, and whether that goes for critical alerts too.
ALTER TABLE webhook ADD COLUMN quiet_days INTEGER CHECK (quiet_days BETWEEN 1 AND 127);
ALTER TABLE webhook ADD COLUMN quiet_from INTEGER CHECK ((quiet_from IS NULL) = (quiet_days IS NULL) AND quiet_from BETWEEN 0 AND 1439);
ALTER TABLE webhook ADD COLUMN quiet_until INTEGER CHECK ((quiet_until IS NULL) = (quiet_days IS NULL) AND quiet_until BETWEEN 0 AND 1439);
ALTER TABLE webhook ADD COLUMN quiet_zone TEXT CHECK ((quiet_zone IS NULL) = (quiet_days IS NULL));
ALTER TABLE webhook ADD COLUMN quiet_critical INTEGER NOT NULL DEFAULT 1 CHECK (quiet_critical IN (0, 1));
-- How often it is told again that an alert still fires.
ALTER TABLE webhook ADD COLUMN repeat_ms INTEGER CHECK (repeat_ms > 0);

-- What was over before the quiet hours ended was withdrawn: nobody had to be told. How urgent a message is: 1 is critical, 2 is asked
-- for by a person.
CREATE TABLE delivery_anew (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook         INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    alert           INTEGER,
    event           TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'withdrawn')),
    next_attempt_at INTEGER CHECK ((next_attempt_at IS NULL) = (state <> 'pending')),
    leased_until    INTEGER,
    created_at      INTEGER NOT NULL,
    body            BLOB    NOT NULL,
    by_hand         INTEGER NOT NULL DEFAULT 0,
    summary         INTEGER,
    course          TEXT,
    held_until      INTEGER,
    rule            INTEGER,
    urgency         INTEGER NOT NULL DEFAULT 0 CHECK (urgency BETWEEN 0 AND 2)
) STRICT;
INSERT INTO delivery_anew (id, webhook, alert, event, state, next_attempt_at, leased_until, created_at, body, by_hand, summary, course, held_until, rule,
        urgency)
    SELECT id, webhook, alert, event, state, next_attempt_at, leased_until, created_at, body, by_hand, summary, course,
        held_until, rule, CASE WHEN event = 'webhook.test' THEN 2
            ELSE COALESCE((SELECT severity = 'critical' FROM alert WHERE alert.id = delivery.alert), 0) END FROM delivery;
-- No number is given twice, also not that of the newest delivery when its webhook was deleted.
DELETE FROM sqlite_sequence WHERE name = 'delivery_anew';
INSERT INTO sqlite_sequence (name, seq) SELECT 'delivery_anew', seq FROM sqlite_sequence WHERE name = 'delivery';
-- What was sent and answered around the body: lines `name: value`, without what lets in.
CREATE TABLE attempt_anew (
    delivery        INTEGER NOT NULL REFERENCES delivery_anew (id) ON DELETE CASCADE,
    position        INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    status          INTEGER,
    error           TEXT,
    duration_ms     INTEGER NOT NULL,
    response        TEXT,
    request_head    TEXT,
    response_head   TEXT,
    PRIMARY KEY (delivery, position)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt_anew (delivery, position, at, status, error, duration_ms, response)
    SELECT delivery, position, at, status, error, duration_ms, response FROM attempt;
-- The attempts first: with the deliveries they would be deleted one by one.
DROP TABLE attempt;
DROP TABLE delivery;
ALTER TABLE delivery_anew RENAME TO delivery;
ALTER TABLE attempt_anew RENAME TO attempt;
CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE state = 'pending';
CREATE INDEX delivery_queue ON delivery (webhook, course, id) WHERE state = 'pending';
CREATE INDEX delivery_by_webhook ON delivery (webhook, id);
CREATE INDEX delivery_failed ON delivery (webhook, created_at) WHERE state = 'failed';
CREATE INDEX delivery_by_time ON delivery (created_at);
CREATE INDEX delivery_by_alert ON delivery (alert) WHERE alert IS NOT NULL;
CREATE INDEX delivery_by_summary ON delivery (summary) WHERE summary IS NOT NULL;
CREATE INDEX delivery_held ON delivery (webhook, rule) WHERE state = 'pending' AND held_until IS NOT NULL;
