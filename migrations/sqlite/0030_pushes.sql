-- How often the readings of a device are pushed: who pushes each hour is not missed any earlier because the hub was started anew.
CREATE TABLE push_of_device (
    device INTEGER PRIMARY KEY REFERENCES device (no) ON DELETE CASCADE,
    every_ms INTEGER NOT NULL CHECK (every_ms > 0)
) STRICT;
