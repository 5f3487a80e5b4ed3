-- Messages about one rule on one thing go to a webhook in order, also those about different alerts.
ALTER TABLE delivery ADD COLUMN course TEXT;
UPDATE delivery SET course = COALESCE((SELECT CASE rule WHEN 0 THEN rule_name ELSE rule END || ':' || COALESCE(device, '') || ':'
    || COALESCE(series, '') FROM alert WHERE alert.id = delivery.alert), 'alert:' || alert) WHERE state = 'pending';
DROP INDEX delivery_queue;
CREATE INDEX delivery_queue ON delivery (webhook, course, id) WHERE state = 'pending';
