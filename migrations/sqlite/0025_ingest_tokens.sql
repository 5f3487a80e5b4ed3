-- A token that only sends. Numbers of tokens stay, and none comes twice.
CREATE TABLE token_with_ingest (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    scope        TEXT    NOT NULL CHECK (scope IN ('ingest', 'read', 'write', 'admin')),
    hash         BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the secret
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;
INSERT INTO sqlite_sequence (name, seq) SELECT 'token_with_ingest', seq FROM sqlite_sequence WHERE name = 'token';
INSERT INTO token_with_ingest (id, name, scope, hash, created_at, expires_at, last_used_at)
    SELECT id, name, scope, hash, created_at, expires_at, last_used_at FROM token;
DROP TABLE token;
ALTER TABLE token_with_ingest RENAME TO token;
