-- What its owner wrote about a device; none where there is nothing.
CREATE TABLE note_of_device (
    device INTEGER PRIMARY KEY REFERENCES device (no) ON DELETE CASCADE,
    notes  TEXT NOT NULL
) STRICT;
