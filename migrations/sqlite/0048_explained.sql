-- A rule counts its changes. What alerts tell of that has changed since is kept: a version that is over has an id below zero.
ALTER TABLE rule ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE rule ADD COLUMN of INTEGER; -- NULL: in force; otherwise the rule whose version it was
CREATE UNIQUE INDEX rule_version ON rule (of, version) WHERE of IS NOT NULL;
-- What is kept of the moment at which an alert fired.
CREATE TABLE alert_explained (
    alert           INTEGER PRIMARY KEY REFERENCES alert (id) ON DELETE CASCADE,
    rule_version    INTEGER,
    late_ms         INTEGER NOT NULL,
    online          INTEGER CHECK (online IN (0, 1)), -- NULL: nothing is known of the device
    heard_at        INTEGER,
    taken           INTEGER,
    lost            INTEGER,
    clock_offset_ms INTEGER,
    agent           TEXT    NOT NULL,
    vitals          TEXT    NOT NULL -- one `sensor=value unit` a line, backslash escapes
) STRICT;
-- What fired about then, and how often a rule did.
CREATE INDEX alert_by_firing ON alert (fired_at) WHERE fired_at IS NOT NULL;
CREATE INDEX alert_by_rule ON alert (rule, fired_at) WHERE fired_at IS NOT NULL;
