-- A session has a number to be spoken of, which opens nothing, and says from where it was used last and by which browser. Of older ones
-- neither is known.
CREATE TABLE session_with_id (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the cookie
    scope      TEXT    NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    browser    TEXT    NOT NULL
) STRICT;
INSERT INTO session_with_id (hash, scope, created_at, used_at, expires_at, address, browser)
    SELECT hash, scope, created_at, used_at, expires_at, '', '' FROM session ORDER BY created_at;
DROP TABLE session;
ALTER TABLE session_with_id RENAME TO session;
