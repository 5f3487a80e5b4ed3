-- What its owner says a series is: that stays, whatever its senders say in `series.kind`.
CREATE TABLE kind_by_owner (
    series INTEGER PRIMARY KEY REFERENCES series (id) ON DELETE CASCADE,
    kind   TEXT NOT NULL CHECK (kind IN ('gauge', 'counter', 'state'))
) STRICT;
