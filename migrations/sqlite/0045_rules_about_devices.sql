-- A rule may be about devices as a whole, and tell all webhooks, also later ones.
ALTER TABLE rule ADD COLUMN all_webhooks INTEGER NOT NULL DEFAULT 0 CHECK (all_webhooks IN (0, 1));
-- Rules that the hub made by itself, each once: who deletes one does not get it again.
CREATE TABLE made_rule (
    kind TEXT    PRIMARY KEY,
    rule INTEGER NOT NULL -- no foreign key: it stays when the rule is deleted
) STRICT, WITHOUT ROWID;
-- A forecast may be joined with other conditions: within what time it reaches its limit.
ALTER TABLE rule_part ADD COLUMN within_ms INTEGER;
-- Since when nothing is heard of what an alert that fires is about.
ALTER TABLE alert ADD COLUMN unknown_since INTEGER;

-- That a device is offline was an alert of the hub's own: it is the first of these rules, as it was set.
INSERT INTO rule (name, device, sensor, labels, condition, silence_ms, hold_ms, severity, all_webhooks, enabled, created_at, updated_at)
    SELECT 'Device offline', '*', '*', '', 'offline',
        iif(set_to GLOB '[0-9]*', CAST(set_to AS INTEGER), 60000), 0, 'warning', 1, set_to IS NOT 'off',
        unixepoch() * 1000, unixepoch() * 1000
    FROM (SELECT (SELECT CAST(value AS TEXT) FROM setting WHERE key = 'offline_after') AS set_to)
    WHERE set_to IS NOT NULL OR EXISTS (SELECT 1 FROM device);
INSERT INTO made_rule (kind, rule) SELECT 'device_offline', id FROM rule WHERE condition = 'offline';
-- Its alerts go on, and what is still to be sent of them stays in order.
UPDATE alert SET rule = (SELECT rule FROM made_rule), rule_name = 'Device offline'
    WHERE rule = 0 AND rule_name = 'hub.device_offline' AND EXISTS (SELECT 1 FROM made_rule);
UPDATE delivery SET course = (SELECT rule FROM made_rule) || substr(course, length('hub.device_offline') + 1)
    WHERE course LIKE 'hub.device\_offline:%' ESCAPE '\' AND EXISTS (SELECT 1 FROM made_rule);
DELETE FROM setting WHERE key = 'offline_after';
