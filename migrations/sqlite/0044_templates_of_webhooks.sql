-- What a person writes of a webhook's requests, sealed: credentials may be in it. None where the hub's own form is sent.
ALTER TABLE webhook ADD COLUMN template_sealed BLOB;
