-- What a webhook is told in: the hub's own form for those of before. What a kind asks for beside the URL is a credential of the
-- receiver: sealed under secret.key.
ALTER TABLE webhook ADD COLUMN kind TEXT NOT NULL DEFAULT 'generic';
ALTER TABLE webhook ADD COLUMN fields_sealed BLOB;
