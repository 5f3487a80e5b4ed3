//! Makes the rules that a hub has by itself, once there is something of their kind.

use crate::model::UnixMillis;
use crate::model::rule::Rule;
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
        let there = if due.is_empty() { Vec::new() } else { store.list_rules().await? };
        let mut is_any = false;
        for made in due {
            match make_one(store, made, &there, now).await {
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

/// Makes one, unless a rule that is there stands for it: its name.
async fn make_one(store: &Store, made: Made, there: &[Rule], now: UnixMillis) -> store::Result<Option<String>> {
    let Some(first) = there.iter().find(|rule| made.is_done_by(&rule.spec)) else {
        return store.make_rule(made.word(), made.spec(), now).await;
    };
    let itself = there.iter().find(|rule| made.is_itself(&rule.spec)).map(|rule| rule.id);
    store.count_as_made(made.word(), itself).await?;
    let name = &first.spec.name;
    tracing::info!(name, "made no rule {}: {name} is there", made.spec().name);
    Ok(None)
}
