-- Late readings that the rules were not held against yet: of each series, the time they lie in.
CREATE TABLE late (
    series  INTEGER PRIMARY KEY REFERENCES series (id) ON DELETE CASCADE,
    from_at INTEGER NOT NULL,
    to_at   INTEGER NOT NULL
) STRICT;
