//! What attempts tell of a webhook: what a person must mend, and since when nothing reaches it.

use rusqlite::{Connection, named_params};

use crate::model::UnixMillis;
use crate::model::webhook::{DeliveryId, Problem};
use crate::store::engine::nouns::ChangeReached;
use crate::store::error::Result;

const PUT_PROBLEM: &str =
    "UPDATE webhook SET problem_since = CASE WHEN problem IS :kind THEN problem_since ELSE :since END,
    problem = :kind, problem_text = :text
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen
    AND (problem IS NOT :kind OR problem_text IS NOT :text)";
const CLEAR_PROBLEM: &str = "UPDATE webhook SET problem = NULL, problem_since = NULL, problem_text = NULL
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen AND problem IS NOT NULL";
const FAILS_NO_MORE: &str = "UPDATE webhook SET failing_since = NULL
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen AND failing_since IS NOT NULL";
const FAILS: &str = "UPDATE webhook SET failing_since = :at
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen AND failing_since IS NULL";
const DISABLE: &str = "UPDATE webhook SET disabled_reason = :reason, updated_at = :now
    WHERE id = (SELECT webhook FROM delivery WHERE id = :delivery) AND updated_at = :seen";

impl ChangeReached for Connection {
    fn put_problem_of(&self, id: DeliveryId, problem: &Problem, seen: UnixMillis) -> Result<bool> {
        let changed = self.prepare_cached(PUT_PROBLEM)?.execute(named_params! {
            ":delivery": id,
            ":kind": problem.kind,
            ":since": problem.since.0,
            ":text": problem.text,
            ":seen": seen.0,
        })?;
        Ok(changed > 0)
    }

    fn note_success_of(&self, id: DeliveryId, is_mended: bool, seen: UnixMillis) -> Result<bool> {
        let works = named_params! { ":delivery": id, ":seen": seen.0 };
        self.prepare_cached(FAILS_NO_MORE)?.execute(works)?;
        Ok(is_mended && self.prepare_cached(CLEAR_PROBLEM)?.execute(works)? > 0)
    }

    fn note_failure_of(&self, id: DeliveryId, at: UnixMillis, seen: UnixMillis) -> Result<()> {
        let fails = named_params! { ":delivery": id, ":at": at.0, ":seen": seen.0 };
        self.prepare_cached(FAILS)?.execute(fails)?;
        Ok(())
    }

    fn disable_webhook_of(&self, id: DeliveryId, reason: &str, now: UnixMillis, seen: UnixMillis) -> Result<bool> {
        let disabled = self.prepare_cached(DISABLE)?.execute(named_params! {
            ":delivery": id,
            ":reason": reason,
            ":seen": seen.0,
            ":now": now.0,
        })?;
        Ok(disabled > 0)
    }
}
