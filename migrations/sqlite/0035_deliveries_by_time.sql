-- What failed of a webhook, and what was sent in a time, to be sent again.
CREATE INDEX delivery_failed ON delivery (webhook, created_at) WHERE state = 'failed';
CREATE INDEX delivery_by_time ON delivery (created_at);
