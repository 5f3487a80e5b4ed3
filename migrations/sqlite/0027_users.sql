-- People who sign in, each with a name and a role. The one password of a hub from before becomes that of the user `admin`; whoever is
-- signed in stays signed in, as that user.
CREATE TABLE user (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT    NOT NULL,
    called          TEXT    NOT NULL UNIQUE, -- the name in small letters: what it is found by
    role            TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    password        TEXT    NOT NULL, -- argon2id as a PHC text; empty until one is chosen
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    invite          BLOB    UNIQUE CHECK (length(invite) = 32), -- SHA-256 of the code in a link that sets the password
    invite_until_at INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    seen_at         INTEGER
) STRICT;
INSERT INTO user (name, called, role, password, enabled, created_at, updated_at)
    SELECT 'admin', 'admin', 'admin', CAST(value AS TEXT), 1, unixepoch() * 1000, unixepoch() * 1000
    FROM setting WHERE key = 'admin_password' AND length(value) > 0;
DELETE FROM setting WHERE key = 'admin_password';

CREATE TABLE second_factor (
    user      INTEGER PRIMARY KEY REFERENCES user (id) ON DELETE CASCADE,
    sealed    BLOB    NOT NULL, -- what app and hub share, under secret.key
    is_on     INTEGER CHECK (is_on = 1), -- null until a first code has shown that the app has it
    last_step INTEGER NOT NULL -- of the newest code that was taken: neither it nor one before it is taken again
) STRICT;
CREATE TABLE recovery_code (
    user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    hash BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256
    PRIMARY KEY (user, hash)
) STRICT, WITHOUT ROWID;

-- What a session may do is what its user may.
CREATE TABLE session_of_user (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the cookie
    user       INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    browser    TEXT    NOT NULL
) STRICT;
INSERT INTO sqlite_sequence (name, seq) SELECT 'session_of_user', seq FROM sqlite_sequence WHERE name = 'session';
INSERT INTO session_of_user (id, hash, user, created_at, used_at, expires_at, address, browser)
    SELECT session.id, hash, user.id, session.created_at, used_at, expires_at, address, browser FROM session, user
    WHERE scope = 'admin';
DROP TABLE session;
ALTER TABLE session_of_user RENAME TO session;

-- Tokens may have what operators have. Numbers of tokens stay, and none comes twice.
CREATE TABLE token_with_operate (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    scope        TEXT    NOT NULL CHECK (scope IN ('ingest', 'read', 'write', 'operate', 'admin')),
    hash         BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the secret
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;
INSERT INTO sqlite_sequence (name, seq) SELECT 'token_with_operate', seq FROM sqlite_sequence WHERE name = 'token';
INSERT INTO token_with_operate (id, name, scope, hash, created_at, expires_at, last_used_at)
    SELECT id, name, scope, hash, created_at, expires_at, last_used_at FROM token;
DROP TABLE token;
ALTER TABLE token_with_operate RENAME TO token;
