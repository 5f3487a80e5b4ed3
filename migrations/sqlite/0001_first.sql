-- Devices and what they measure. Numbers are never reused (AUTOINCREMENT): readings refer to them for years.
CREATE TABLE device (
    no                INTEGER PRIMARY KEY AUTOINCREMENT,
    id                BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    key               BLOB    NOT NULL CHECK (length(key) = 32),
    name              TEXT    NOT NULL UNIQUE,
    standing          TEXT    NOT NULL CHECK (standing IN ('adopted', 'blocked')),
    labels            TEXT    NOT NULL, -- one `key=value` a line, backslash escapes
    model             TEXT    NOT NULL,
    version           TEXT    NOT NULL,
    address           TEXT,
    first_seen_at     INTEGER NOT NULL,
    last_seen_at      INTEGER,
    interval_ms       INTEGER,
    handshake_counter INTEGER NOT NULL
) STRICT;

CREATE TABLE series (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    device      INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    sensor      TEXT    NOT NULL,
    unit        TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('gauge', 'counter', 'state')),
    interval_ms INTEGER NOT NULL,
    UNIQUE (device, sensor)
) STRICT;

-- A device's sensor numbers, dense from 0. Two numbers may share a series: a sensor announced anew by the same name.
CREATE TABLE sensor_number (
    device INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    PRIMARY KEY (device, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX sensor_number_by_series ON sensor_number (series);

-- Which batches of a boot are stored: everything below `mark`, and `islands` (pairs of little-endian u64) above it.
CREATE TABLE receive_window (
    device  INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    epoch   INTEGER NOT NULL,
    mark    INTEGER NOT NULL,
    islands BLOB    NOT NULL,
    PRIMARY KEY (device, epoch)
) STRICT, WITHOUT ROWID;

-- The newest point of each series, as of the journal row in `progress`.
CREATE TABLE latest (
    series INTEGER PRIMARY KEY REFERENCES series (id) ON DELETE CASCADE,
    at     INTEGER NOT NULL,
    value  REAL    NOT NULL
) STRICT;

-- One row: how far things that follow the journal have come, and how often a command wrote beside a running hub.
CREATE TABLE progress (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    latest_as_of INTEGER NOT NULL,
    beside       INTEGER NOT NULL
) STRICT;
INSERT INTO progress (one, latest_as_of, beside) VALUES (1, 0, 0);

-- One row a batch, as received, appended in the order of commits.
CREATE TABLE journal (
    id          INTEGER PRIMARY KEY,
    device      INTEGER NOT NULL, -- no foreign key: a lookup a batch would buy nothing, the writer knows its devices
    epoch       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    lane        INTEGER NOT NULL CHECK (lane IN (0, 1)), -- live, recovered
    received_at INTEGER NOT NULL,
    start_at    INTEGER NOT NULL, -- earliest reading
    end_at      INTEGER NOT NULL, -- latest reading
    segment     INTEGER NOT NULL, -- run of rows that shares a piece of the index, see store/journal.rs
    count       INTEGER NOT NULL,
    payload     BLOB    NOT NULL
) STRICT;
CREATE INDEX journal_by_segment ON journal (segment, device, end_at, start_at);

-- The time that the rows of a segment cover.
CREATE TABLE segment (
    id       INTEGER PRIMARY KEY,
    start_at INTEGER NOT NULL,
    end_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE rule (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL,
    device     TEXT    NOT NULL,
    sensor     TEXT    NOT NULL,
    labels     TEXT    NOT NULL,
    op         TEXT    CHECK (op IN ('above', 'at_least', 'below', 'at_most')), -- NULL: silence
    value      REAL,
    clear      REAL,
    silence_ms INTEGER,
    hold_ms    INTEGER NOT NULL,
    severity   TEXT    NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    enabled    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((op IS NULL) = (value IS NULL) AND (op IS NULL) = (silence_ms IS NOT NULL))
) STRICT;

CREATE TABLE webhook (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT    NOT NULL,
    url             TEXT    NOT NULL,
    headers         TEXT    NOT NULL, -- one `key=value` a line, backslash escapes
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    disabled_reason TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

-- Sealed under secret.key. The newest is the current one; the others sign along until they expire.
CREATE TABLE webhook_secret (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook    INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    sealed     BLOB    NOT NULL,
    expires_at INTEGER
) STRICT;
CREATE INDEX webhook_secret_by_webhook ON webhook_secret (webhook);

CREATE TABLE rule_webhook (
    rule     INTEGER NOT NULL REFERENCES rule (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    webhook  INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    PRIMARY KEY (rule, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX rule_webhook_by_webhook ON rule_webhook (webhook);

-- AUTOINCREMENT although the rule engine numbers alerts: SQLite then remembers the highest number there ever was.
CREATE TABLE alert (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    rule        INTEGER NOT NULL, -- no foreign key: alerts outlive their rule
    rule_name   TEXT    NOT NULL,
    severity    TEXT    NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    device      INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    series      INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
    value       REAL,
    threshold   REAL    NOT NULL,
    started_at  INTEGER NOT NULL,
    fired_at    INTEGER,
    resolved_at INTEGER,
    acked_at    INTEGER,
    ack_comment TEXT,
    learned_at  INTEGER NOT NULL -- when the hub learned of the last change
) STRICT;
CREATE INDEX alert_open ON alert (id) WHERE state <> 'resolved';
CREATE INDEX alert_by_device ON alert (device, id);

CREATE TABLE delivery (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook         INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    alert           INTEGER,
    event           TEXT    NOT NULL CHECK (event IN ('alert.firing', 'alert.resolved', 'webhook.test')),
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    next_attempt_at INTEGER CHECK ((next_attempt_at IS NULL) = (state <> 'pending')),
    leased_until    INTEGER,
    created_at      INTEGER NOT NULL,
    body            BLOB    NOT NULL
) STRICT;
CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE state = 'pending';
CREATE INDEX delivery_queue ON delivery (webhook, alert, id) WHERE state = 'pending';
CREATE INDEX delivery_by_webhook ON delivery (webhook, id);

CREATE TABLE attempt (
    delivery    INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT,
    duration_ms INTEGER NOT NULL,
    response    TEXT,
    PRIMARY KEY (delivery, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    scope        TEXT    NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    hash         BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the secret
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;

CREATE TABLE join_token (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    sealed     BLOB    NOT NULL, -- the key both sides mix into the handshake, under secret.key
    name       TEXT    NOT NULL,
    uses_left  INTEGER NOT NULL CHECK (uses_left >= 0),
    labels     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
    hash       BLOB    PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the cookie
    scope      TEXT    NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
