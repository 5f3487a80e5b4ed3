-- Since when a rule says what it says: its last change may have been of whom it tells. Never after an alert that it began.
ALTER TABLE rule ADD COLUMN version_since INTEGER NOT NULL DEFAULT 0;
UPDATE rule SET version_since = MIN(updated_at, COALESCE((
    SELECT MIN(alert.fired_at) FROM alert JOIN alert_explained ON alert_explained.alert = alert.id
    WHERE alert.rule = COALESCE(rule.of, rule.id) AND alert_explained.rule_version = rule.version), updated_at));
