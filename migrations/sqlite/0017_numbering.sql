-- Which batch of a device its sensor numbers, as they stand in sensor_number, begin with. A device without a row never gave a
-- number to another sensor.
CREATE TABLE numbering (
    device INTEGER NOT NULL PRIMARY KEY REFERENCES device (no) ON DELETE CASCADE,
    epoch  INTEGER NOT NULL,
    seq    INTEGER NOT NULL
) STRICT;
