-- What people were told of an alert that flaps; an acknowledgement of which nobody was told yet.
ALTER TABLE alert ADD COLUMN flapping INTEGER NOT NULL DEFAULT 0 CHECK (flapping IN (0, 1));
ALTER TABLE alert ADD COLUMN ack_untold INTEGER NOT NULL DEFAULT 0 CHECK (ack_untold IN (0, 1));
CREATE INDEX alert_flapping ON alert (id) WHERE flapping;
CREATE INDEX alert_ack_untold ON alert (id) WHERE ack_untold;
CREATE INDEX delivery_by_alert ON delivery (alert) WHERE alert IS NOT NULL;
