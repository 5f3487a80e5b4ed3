//! Which webhooks the log has been told of as failing: each once, and once more when it works again. A machine that restarts is not
//! worth a line: only one that has failed for ten minutes is.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::model::UnixMillis;
use crate::model::webhook::WebhookId;

/// Ten minutes.
const WORTH_A_LINE_MS: i64 = 600_000;

/// Those the log knows of. Holds ids of webhooks only, so never more than were made.
#[derive(Debug, Default)]
pub(super) struct Down(Mutex<BTreeSet<WebhookId>>);

/// What the log is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Every attempt has failed for so many minutes.
    Fails { minutes: i64 },
    /// What the log knew as failing took a message.
    WorksAgain,
}

impl Down {
    /// What an attempt at `now` says of its webhook, whose attempts failed since `failing_since`.
    pub(super) fn after(
        &self,
        id: WebhookId,
        failing_since: Option<UnixMillis>,
        arrived: bool,
        now: UnixMillis,
    ) -> Option<News> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if arrived {
            return said.remove(&id).then_some(News::WorksAgain);
        }
        let failed_ms = failing_since.map_or(0, |since| now.since(since));
        if failed_ms < WORTH_A_LINE_MS {
            // A person changed it meanwhile: it begins anew.
            said.remove(&id);
            return None;
        }
        said.insert(id).then_some(News::Fails { minutes: failed_ms / 60_000 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    #[test]
    fn a_webhook_that_fails_for_ten_minutes_is_one_line_and_one_more_when_it_works() {
        let (down, id) = (Down::default(), WebhookId(3));
        let since = Some(NOW);
        assert_eq!(down.after(id, None, false, NOW), None);
        assert_eq!(down.after(id, since, false, NOW.plus(599_000)), None);
        assert_eq!(down.after(id, since, false, NOW.plus(660_000)), Some(News::Fails { minutes: 11 }));
        assert_eq!(down.after(id, since, false, NOW.plus(900_000)), None);
        assert_eq!(down.after(id, since, true, NOW.plus(960_000)), Some(News::WorksAgain));
        assert_eq!(down.after(id, None, true, NOW.plus(961_000)), None);
    }
}
