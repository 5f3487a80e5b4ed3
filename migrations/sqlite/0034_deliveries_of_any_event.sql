-- Since when attempts of a webhook only fail.
ALTER TABLE webhook ADD COLUMN failing_since INTEGER;

-- Which events there are is known to the hub, which reads no other: a new one is no step of the schema any more.
CREATE TABLE delivery_anew (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook         INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    alert           INTEGER,
    event           TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    next_attempt_at INTEGER CHECK ((next_attempt_at IS NULL) = (state <> 'pending')),
    leased_until    INTEGER,
    created_at      INTEGER NOT NULL,
    body            BLOB    NOT NULL,
    by_hand         INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO delivery_anew (id, webhook, alert, event, state, next_attempt_at, leased_until, created_at, body, by_hand)
    SELECT id, webhook, alert, event, state, next_attempt_at, leased_until, created_at, body, by_hand FROM delivery;
-- No number is given twice, also not that of the newest delivery when its webhook was deleted.
DELETE FROM sqlite_sequence WHERE name = 'delivery_anew';
INSERT INTO sqlite_sequence (name, seq) SELECT 'delivery_anew', seq FROM sqlite_sequence WHERE name = 'delivery';
CREATE TABLE attempt_anew (
    delivery    INTEGER NOT NULL REFERENCES delivery_anew (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT,
    duration_ms INTEGER NOT NULL,
    response    TEXT,
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
CREATE INDEX delivery_queue ON delivery (webhook, alert, id) WHERE state = 'pending';
CREATE INDEX delivery_by_webhook ON delivery (webhook, id);
