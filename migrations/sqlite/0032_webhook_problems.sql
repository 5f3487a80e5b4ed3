-- What a person must mend before anything arrives at a webhook; forgotten when something does.
ALTER TABLE webhook ADD COLUMN problem TEXT CHECK (problem IN ('token', 'address', 'message', 'policy'));
ALTER TABLE webhook ADD COLUMN problem_since INTEGER CHECK ((problem_since IS NULL) = (problem IS NULL));
ALTER TABLE webhook ADD COLUMN problem_text TEXT CHECK ((problem_text IS NULL) = (problem IS NULL));
