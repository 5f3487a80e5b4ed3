-- What people changed: who, from where, when, and what was before. Written by the triggers of `store/sqlite/trail.rs`, in the
-- transaction of the change.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind IN ('session', 'token', 'admin_file', 'command', 'sign_in', 'nobody')),
    who     TEXT    NOT NULL,
    address TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    name    TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_by_who ON audit (kind, who);
CREATE INDEX audit_by_subject ON audit (subject);

CREATE TABLE audit_field (
    entry  INTEGER NOT NULL REFERENCES audit (id) ON DELETE CASCADE,
    field  TEXT    NOT NULL,
    before TEXT,
    after  TEXT,
    PRIMARY KEY (entry, field)
) STRICT, WITHOUT ROWID;
