-- Which start of its agent speaks for a device, and whether another machine uses its identity.
CREATE TABLE claim (
    device   INTEGER PRIMARY KEY REFERENCES device (no) ON DELETE CASCADE,
    start    INTEGER NOT NULL,
    refused  TEXT    NOT NULL, -- starts of other machines, numbers with a space between them
    holder   TEXT, -- where the two machines are, while there are two: the one that goes on
    other    TEXT, -- and the one of which nothing is taken
    since_at INTEGER
) STRICT;
