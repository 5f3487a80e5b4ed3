//! Many alerts of one rule are few messages to people. PURE.
//!
//! ```text
//!   the first one                       goes at once, and opens a window of 30 s
//!   more of the rule within a window    wait until it ends, and are one message then
//!   a window in which something waited  is followed by one of 5 min (of what is critical, of 30 s again)
//!   a window in which nothing did       closes: the next one is a first one
//!   of devices that go offline          the first one waits as well: a site that goes silent is one message
//! ```
//!
//! Alertmanager's `group_wait` and `group_interval`, but that the first message does not wait. What fires and what is over have
//! windows of their own. The thing whose message opened a window is never held by it: what of it is too much is flapping.
//! What waits is in the outbox with the moment at which it is due; so is, at a start, which windows are open.
//!
//! What waits says how it is when it goes: an alert that is over by then is told once, as one of the past, and one that somebody has
//! acknowledged fires as an acknowledged one. Nobody hears of the steps between.

use std::collections::BTreeMap;

use crate::model::UnixMillis;
use crate::model::alert::{AlertId, Subject};
use crate::model::rule::{RuleId, Severity};
use crate::model::webhook::{Event, Grouped, Held, NewDelivery, WebhookId};

/// The window after a first message.
const FIRST_MS: i64 = 30_000;
/// Those after it, while more comes.
const NEXT_MS: i64 = 5 * 60_000;
/// What waits longer than this waits for something else, in milliseconds.
pub const LONGEST_MS: i64 = NEXT_MS;
/// Windows that are remembered, a few dozen bytes each. Beyond, those of the oldest webhooks and rules are forgotten: their next
/// message goes at once.
const MOST: usize = 10_000;

/// Whom a window keeps from hearing of what of a rule.
type Key = (WebhookId, RuleId, bool);

/// The windows that are open, those that ended a moment ago, and the alerts of which it is not told yet that they fire.
#[derive(Debug, Clone, Default)]
pub struct Grouping {
    windows: BTreeMap<Key, Window>,
    held: BTreeMap<(WebhookId, AlertId), UnixMillis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    until: UnixMillis,
    /// Whether something waits for its end.
    holds: bool,
    /// What the message was about that opened it, where that is known.
    first: Option<Subject>,
}

impl Grouping {
    /// Goes on with what waits.
    #[must_use]
    pub fn new(held: impl IntoIterator<Item = Held>) -> Self {
        let (mut windows, mut alerts) = (BTreeMap::new(), BTreeMap::new());
        for one in held {
            if let Some(alert) = one.alert.filter(|_| one.event == Event::AlertFiring) {
                alerts.insert((one.webhook, alert), one.until);
            }
            let key = (one.webhook, one.rule, is_over(one.event));
            let window = windows.entry(key).or_insert(Window { until: one.until, holds: true, first: None });
            window.until = window.until.max(one.until);
        }
        Self { windows, held: alerts }
    }

    /// Until when it waits that an alert fires; `None` where that is told, or not to be told.
    #[must_use]
    pub fn held(&self, now: UnixMillis, webhook: WebhookId, alert: AlertId) -> Option<UnixMillis> {
        self.held.get(&(webhook, alert)).copied().filter(|&until| now < until)
    }

    /// Whether any of these alerts waits for a webhook.
    #[must_use]
    pub fn holds_any<'a>(
        &self,
        webhook: WebhookId,
        alerts: impl IntoIterator<Item = (&'a AlertId, UnixMillis)>,
    ) -> bool {
        !self.held.is_empty() && alerts.into_iter().any(|(alert, now)| self.held(now, webhook, *alert).is_some())
    }

    /// What waits about an alert waits until another moment.
    pub fn hold(&mut self, alert: AlertId, until: UnixMillis, most: UnixMillis) {
        for ((_, of), held) in &mut self.held {
            if *of == alert && (*held < until || *held > most) {
                *held = until;
            }
        }
    }

    /// Until when a message about this waits; `None` where it goes at once. `comes_in_crowds`: one of it seldom comes alone.
    #[must_use]
    pub fn until(
        &self,
        now: UnixMillis,
        (webhook, rule, event): (WebhookId, RuleId, Event),
        about: Subject,
        severity: Severity,
        comes_in_crowds: bool,
    ) -> Option<UnixMillis> {
        // Where seconds count, nobody waits for a crowd.
        let first = (comes_in_crowds && severity != Severity::Critical).then(|| now.plus(FIRST_MS));
        let Some(window) = self.windows.get(&(webhook, rule, is_over(event))) else { return first };
        let next = if severity == Severity::Critical { FIRST_MS } else { NEXT_MS };
        let until = if now < window.until {
            window.until
        } else if window.holds && now < window.until.plus(next) {
            window.until.plus(next)
        } else {
            return first;
        };
        // A clock that was set back makes nobody wait for longer.
        (window.first != Some(about)).then(|| until.min(now.plus(next)))
    }

    /// Takes note of what is told, or waits to be.
    pub fn note<'a>(&mut self, deliveries: impl IntoIterator<Item = &'a NewDelivery>) {
        for delivery in deliveries {
            let Some(Grouped { rule, about, until }) = delivery.group else { continue };
            let (key, now) = ((delivery.webhook, rule, is_over(delivery.event)), delivery.created_at);
            if let Some(alert) = delivery.alert {
                match until.filter(|_| delivery.event == Event::AlertFiring) {
                    Some(until) => drop(self.held.insert((delivery.webhook, alert), until)),
                    None => drop(self.held.remove(&(delivery.webhook, alert))),
                }
                if self.held.len() > MOST {
                    self.held.retain(|_, until| now < *until);
                }
                if self.held.len() > MOST {
                    self.held.pop_first();
                }
            }
            let before = self.windows.get(&key).copied();
            let window = match (until, before) {
                (Some(until), _) => Window { until, holds: true, first: before.and_then(|window| window.first) },
                // Told within its own window.
                (None, Some(window)) if window.first == Some(about) && now < window.until => continue,
                (None, _) => Window { until: now.plus(FIRST_MS), holds: false, first: Some(about) },
            };
            self.windows.insert(key, window);
            if self.windows.len() > MOST {
                self.windows.retain(|_, window| now < window.until.plus(NEXT_MS));
            }
            if self.windows.len() > MOST {
                self.windows.pop_first();
            }
        }
    }
}

const fn is_over(event: Event) -> bool {
    matches!(event, Event::AlertResolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::device::DeviceNo;

    const T0: UnixMillis = UnixMillis(1_800_000_000_000);

    /// What a rule tells one webhook, second by second.
    #[derive(Default)]
    struct Scene {
        grouping: Grouping,
        severity: Option<Severity>,
        comes_in_crowds: bool,
    }

    impl Scene {
        /// Tells of a device at a second; the second until which it waits.
        fn tell(&mut self, second: i64, device: u32, event: Event) -> Option<i64> {
            let (now, about) = (T0.plus(second * 1_000), Subject::Device(DeviceNo(device)));
            let (webhook, rule) = (WebhookId(1), RuleId(7));
            let severity = self.severity.unwrap_or(Severity::Warning);
            let until = self.grouping.until(now, (webhook, rule, event), about, severity, self.comes_in_crowds);
            let group = Some(Grouped { rule, about, until });
            let told = NewDelivery { webhook, alert: None, event, body: Vec::new(), created_at: now, group };
            self.grouping.note([&told]);
            until.map(|until| until.since(T0) / 1_000)
        }

        fn fires(&mut self, second: i64, device: u32) -> Option<i64> {
            self.tell(second, device, Event::AlertFiring)
        }
    }

    #[test]
    fn the_first_goes_at_once_more_wait_thirty_seconds_then_five_minutes() {
        let mut scene = Scene::default();
        assert_eq!(scene.fires(0, 1), None);
        assert_eq!([1, 29].map(|second| scene.fires(second, 2)), [Some(30); 2]);
        assert_eq!([30, 100, 329].map(|second| scene.fires(second, 3)), [Some(330); 3]);
        assert_eq!(scene.fires(330, 4), Some(630));
        assert_eq!(scene.fires(930, 5), None, "a window of five minutes in which nothing waited is over");
    }

    #[test]
    fn a_window_in_which_nothing_waited_closes() {
        let mut scene = Scene::default();
        assert_eq!([0, 30, 60, 95].map(|second| scene.fires(second, second as u32)), [None; 4]);
    }

    #[test]
    fn what_is_critical_waits_thirty_seconds_at_most() {
        let mut scene = Scene { severity: Some(Severity::Critical), ..Scene::default() };
        assert_eq!((scene.fires(0, 1), scene.fires(3, 2)), (None, Some(30)));
        assert_eq!((scene.fires(31, 3), scene.fires(61, 4), scene.fires(200, 5)), (Some(60), Some(90), None));
    }

    #[test]
    fn what_is_over_has_a_window_of_its_own_and_the_first_thing_is_never_held() {
        let mut scene = Scene::default();
        assert_eq!(scene.fires(0, 1), None);
        assert_eq!(scene.tell(5, 1, Event::AlertResolved), None);
        assert_eq!(scene.fires(10, 1), None);
        assert_eq!((scene.fires(29, 2), scene.fires(30, 2)), (Some(30), Some(330)));
        assert_eq!(scene.tell(20, 2, Event::AlertResolved), Some(35));
    }

    #[test]
    fn of_devices_that_go_offline_the_first_waits_for_the_others_unless_it_is_critical() {
        let mut scene = Scene { comes_in_crowds: true, ..Scene::default() };
        assert_eq!([0, 0, 12, 29].map(|second| scene.fires(second, second as u32)), [Some(30); 4]);
        assert_eq!((scene.fires(31, 8), scene.fires(700, 9)), (Some(330), Some(730)));
        scene = Scene { comes_in_crowds: true, severity: Some(Severity::Critical), ..Scene::default() };
        assert_eq!((scene.fires(0, 1), scene.fires(3, 2)), (None, Some(30)));
    }

    #[test]
    fn a_start_knows_what_waits_and_a_clock_that_was_set_back_holds_nothing_for_long() {
        let held = |until: i64| Held {
            webhook: WebhookId(1),
            alert: Some(AlertId(4)),
            rule: RuleId(7),
            event: Event::AlertFiring,
            until: T0.plus(until * 1_000),
        };
        let mut scene = Scene { grouping: Grouping::new([held(30), held(28)]), ..Scene::default() };
        assert_eq!((scene.fires(10, 9), scene.fires(31, 9)), (Some(30), Some(330)));
        let mut scene = Scene { grouping: Grouping::new([held(86_400)]), ..Scene::default() };
        assert_eq!(scene.fires(10, 9), Some(310));
    }

    #[test]
    fn it_stays_small() {
        let mut grouping = Grouping::default();
        for rule in 0..2 * MOST as u64 {
            let group = Some(Grouped { rule: RuleId(rule), about: Subject::Device(DeviceNo(1)), until: None });
            let (webhook, event) = (WebhookId(1), Event::AlertFiring);
            grouping.note([&NewDelivery { webhook, alert: None, event, body: Vec::new(), created_at: T0, group }]);
        }
        assert_eq!(grouping.windows.len(), MOST);
    }
}
