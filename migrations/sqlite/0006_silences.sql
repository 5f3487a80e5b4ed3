CREATE TABLE silence (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    rule       INTEGER, -- NULL: every rule; no foreign key, a silence may outlive its rule
    device     TEXT    NOT NULL,
    sensor     TEXT    NOT NULL,
    labels     TEXT    NOT NULL,
    from_at    INTEGER NOT NULL,
    until_at   INTEGER NOT NULL CHECK (until_at > from_at),
    comment    TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- It fired under a silence and nobody was told: nor will they be of its end, unless it outlasts the silence.
ALTER TABLE alert ADD COLUMN muted INTEGER NOT NULL DEFAULT 0 CHECK (muted IN (0, 1));
