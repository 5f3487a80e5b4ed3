-- The loss ledger, in readings, by boot and hour of the reading's time (hours since 1970). What arrived is counted here when
-- its journal rows are cut into blocks; rows above the cut count by themselves.
CREATE TABLE ledger (
    device             INTEGER NOT NULL REFERENCES device (no) ON DELETE CASCADE,
    hour               INTEGER NOT NULL,
    epoch              INTEGER NOT NULL,
    taken              INTEGER NOT NULL, -- by the device's reports
    received           INTEGER NOT NULL, -- live lane
    recovered          INTEGER NOT NULL, -- recovered lane
    thinned            INTEGER NOT NULL,
    dropped_oldest     INTEGER NOT NULL,
    dropped_newest     INTEGER NOT NULL,
    dropped_expired    INTEGER NOT NULL,
    dropped_unreadable INTEGER NOT NULL,
    dropped_other      INTEGER NOT NULL,
    PRIMARY KEY (device, hour, epoch)
) STRICT, WITHOUT ROWID;

-- The last report of each device that is counted in `ledger`: one that is not later is a repeat.
CREATE TABLE ledger_told (
    device     INTEGER PRIMARY KEY REFERENCES device (no) ON DELETE CASCADE,
    epoch      INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    holds_from INTEGER, -- hour of the oldest reading it held; NULL: it held none
    told_at    INTEGER NOT NULL
) STRICT;
