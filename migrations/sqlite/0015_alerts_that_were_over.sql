-- A webhook is told of alerts that were over when the hub learned of them, unless it says no.
ALTER TABLE webhook ADD COLUMN past INTEGER NOT NULL DEFAULT 1 CHECK (past IN (0, 1));
-- An alert may end because the level that fired it counts as usual by then.
ALTER TABLE alert ADD COLUMN new_normal INTEGER NOT NULL DEFAULT 0 CHECK (new_normal IN (0, 1));
-- Whether anybody is to be told what the rules say of late readings; not of what was imported.
ALTER TABLE late ADD COLUMN told INTEGER NOT NULL DEFAULT 1 CHECK (told IN (0, 1));

CREATE TABLE delivery_of_any_event (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook         INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    alert           INTEGER,
    event           TEXT    NOT NULL CHECK (event IN ('alert.firing', 'alert.resolved', 'alert.past', 'webhook.test')),
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    next_attempt_at INTEGER CHECK ((next_attempt_at IS NULL) = (state <> 'pending')),
    leased_until    INTEGER,
    created_at      INTEGER NOT NULL,
    body            BLOB    NOT NULL
) STRICT;
INSERT INTO delivery_of_any_event (id, webhook, alert, event, state, next_attempt_at, leased_until, created_at, body)
    SELECT id, webhook, alert, event, state, next_attempt_at, leased_until, created_at, body FROM delivery;
-- No number is given twice, also not that of the newest delivery when its webhook was deleted.
DELETE FROM sqlite_sequence WHERE name = 'delivery_of_any_event';
INSERT INTO sqlite_sequence (name, seq) SELECT 'delivery_of_any_event', seq FROM sqlite_sequence WHERE name = 'delivery';
CREATE TABLE attempt_of_any_event (
    delivery    INTEGER NOT NULL REFERENCES delivery_of_any_event (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT,
    duration_ms INTEGER NOT NULL,
    response    TEXT,
    PRIMARY KEY (delivery, position)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt_of_any_event (delivery, position, at, status, error, duration_ms, response)
    SELECT delivery, position, at, status, error, duration_ms, response FROM attempt;
-- The attempts first: with the deliveries they would be deleted one by one.
DROP TABLE attempt;
DROP TABLE delivery;
ALTER TABLE delivery_of_any_event RENAME TO delivery;
ALTER TABLE attempt_of_any_event RENAME TO attempt;
CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE state = 'pending';
CREATE INDEX delivery_queue ON delivery (webhook, alert, id) WHERE state = 'pending';
CREATE INDEX delivery_by_webhook ON delivery (webhook, id);
