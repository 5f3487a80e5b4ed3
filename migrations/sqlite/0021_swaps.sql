-- When the hardware of a device was replaced, what the old one's id was, and when that was heard last.
CREATE TABLE swap (
    device   INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    at       INTEGER NOT NULL,
    hardware BLOB    NOT NULL CHECK (length(hardware) = 16),
    heard_at INTEGER,
    PRIMARY KEY (device, at)
) STRICT, WITHOUT ROWID;

-- Hardware that was replaced, and by which device: nothing is taken from it, and it may be put back where its key is known.
CREATE TABLE retired (
    hardware          BLOB    NOT NULL PRIMARY KEY CHECK (length(hardware) = 16),
    device            INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    at                INTEGER NOT NULL,
    key               BLOB    CHECK (length(key) = 32),
    model             TEXT    NOT NULL,
    version           TEXT    NOT NULL,
    handshake_counter INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
