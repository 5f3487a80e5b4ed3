-- An acknowledgement says whose it is: the name of the user or token. Of older ones that is only in the audit log.
ALTER TABLE alert ADD COLUMN acked_by TEXT NOT NULL DEFAULT '';
