-- The URL of a webhook often holds a credential of its receiver: sealed under secret.key from here on, as its headers are. What an
-- older hub left in `url` is sealed when the database is opened next, and `url` is empty from then on.
ALTER TABLE webhook ADD COLUMN url_sealed BLOB;
