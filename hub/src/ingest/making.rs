//! Makes the rules that a hub has by itself, once there is something of their kind.

use crate::model::UnixMillis;
use crate::rules::made::Made;
use crate::store::{self, Store};

/// Which of them are made, as far as was asked.
#[derive(Debug, Default)]
pub(crate) struct Making {
    /// Those that are not; `None` before the store was asked.
    missing: Option<Vec<Made>>,
    /// How many devices and series there were at the last look: as long as these are all, nothing new can have appeared.
    seen: (usize, usize),
}

impl Making {
    /// Makes what is missing and due; whether there was any. On a full disk it is tried again at the next look.
    pub(super) async fn make(&mut self, store: &Store, now: UnixMillis) -> store::Result<bool> {
        let missing = match self.missing.take() {
            Some(missing) => missing,
            None => {
                let made = store.made_rules().await?;
                Made::ALL.into_iter().filter(|one| !made.iter().any(|word| word == one.word())).collect()
            }
        };
        let (due, seen) = {
            let catalog = store.catalog();
            let seen = (catalog.device_count(), catalog.series_count());
            let is_news = seen != self.seen;
            (missing.iter().copied().filter(|made| is_news && made.is_due(&catalog)).collect::<Vec<_>>(), seen)
        };
        self.missing = Some(missing);
        let mut is_any = false;
        for made in due {
            match store.make_rule(made.word(), made.spec(), now).await {
                Ok(name) => {
                    self.missing.iter_mut().for_each(|missing| missing.retain(|one| *one != made));
                    if let Some(name) = name {
                        tracing::info!(name, "made the rule {name}: there is something of its kind now");
                        is_any = true;
                    }
                }
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "a rule of the hub's own waits: {error}");
                    return Ok(is_any);
                }
            }
        }
        self.seen = seen;
        Ok(is_any)
    }
}
