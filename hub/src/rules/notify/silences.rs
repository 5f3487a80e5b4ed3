//! Decides for which alerts notifications are sent while silences are active, or their devices are offline. PURE.
//!
//! A silence hides nothing: alerts begin, fire and end as usual, and are shown. Only notifications are not sent.
//!
//! ```text
//!   fires under a silence ─▶ muted ──ends under it──▶ nobody ever hears of it
//!                               └──still fires when the last silence over it ends──▶ told then, and of its end
//! ```
//!
//! If a notification was sent before the silence began, the one about the alert's end is sent in any case: the person who was
//! woken by it should learn that it is over.
//! Like the engine it proposes: [`Silences::hush`] and [`Silences::over`] change nothing until [`Silences::apply`].

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::absent::Absent;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Transition};
use crate::model::catalog::Catalog;
use crate::model::device::{Labels, carry};
use crate::model::glob::Glob;
use crate::model::notice::{Hearers, Notice};
use crate::model::silence::Silence;

/// A silence, with the time zone that it names.
pub type InZone = (Silence, TimeZone);

/// The silences there are, and the alerts that nobody was told of because of one.
#[derive(Debug, Default)]
pub struct Silences {
    all: Vec<Compiled>,
    muted: BTreeMap<AlertId, Alert>,
    absent: Absent,
}

/// What would be told, and which alerts become muted or stop being so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hushed {
    /// What people are told of.
    pub told: Vec<Notice>,
    /// Alerts that change: whether they are muted from here on.
    pub marks: Vec<(AlertId, bool)>,
    muted: Vec<Alert>,
    /// Muted alerts of which nobody knows whether they are true, or somebody does again.
    amended: Vec<Alert>,
    now: UnixMillis,
    /// Changes of alerts about whole devices.
    devices: Vec<Transition>,
}

#[derive(Debug)]
struct Compiled {
    silence: Silence,
    /// Of the hours of a weekly one.
    zone: TimeZone,
    device: Glob,
    sensor: Glob,
}

impl Silences {
    /// These silences, and the muted alerts that were open when the hub stopped.
    #[must_use]
    pub fn new(all: Vec<InZone>, muted: Vec<Alert>) -> Self {
        let muted = muted.into_iter().map(|alert| (alert.id, alert)).collect();
        let mut silences = Self { muted, all: Vec::new(), absent: Absent::default() };
        silences.set(all);
        silences
    }

    /// Goes on with the alerts that are open: some may say that a device is offline.
    #[must_use]
    pub fn knowing(self, open: &[Alert]) -> Self {
        Self { absent: Absent::new(open), ..self }
    }

    /// Other silences from here on.
    pub fn set(&mut self, all: Vec<InZone>) {
        let compiled = |(silence, zone): InZone| Compiled {
            device: Glob::new(&silence.spec.device),
            sensor: Glob::new(&silence.spec.sensor),
            silence,
            zone,
        };
        self.all = all.into_iter().map(compiled).collect();
    }

    /// Takes out what nobody shall be told.
    #[must_use]
    pub fn hush(&self, now: UnixMillis, transitions: &[Transition], catalog: &Catalog) -> Hushed {
        let mut hushed = Hushed { now, ..Hushed::default() };
        for transition in transitions {
            let (alert, occurred_at, points) = match transition {
                Transition::Put { alert, occurred_at, points } => (alert, *occurred_at, points),
                Transition::TellPast { alert, count, points } => {
                    if !self.covers(now, alert, catalog) {
                        let (alert, points) = (alert.clone(), points.clone());
                        hushed.told.push(Notice::Past { alert, count: *count, points });
                    }
                    continue;
                }
                Transition::Amend(alert) => {
                    hushed.amended.extend(self.muted.contains_key(&alert.id).then(|| alert.clone()));
                    continue;
                }
                Transition::Cancel(..) => continue,
            };
            if alert.is_offline() {
                hushed.devices.push(transition.clone());
            }
            let is_muted = hushed.marks.iter().rev().find(|(id, _)| *id == alert.id).map(|(_, muted)| *muted);
            let is_muted = is_muted.unwrap_or_else(|| self.muted.contains_key(&alert.id));
            match alert.state {
                AlertState::Firing if self.covers(now, alert, catalog) || self.absent.hushes(now, alert) => {
                    hushed.marks.push((alert.id, true));
                    hushed.muted.push(alert.clone());
                }
                AlertState::Resolved if is_muted => hushed.marks.push((alert.id, false)),
                AlertState::Pending | AlertState::Historical => {}
                AlertState::Firing | AlertState::Resolved => {
                    let (alert, points) = (alert.clone(), points.clone());
                    hushed.told.push(Notice::Changed { alert, occurred_at, points, to: Hearers::All });
                }
            }
        }
        hushed
    }

    /// What is told of alerts that outlasted the silences over them.
    #[must_use]
    pub fn over(&self, now: UnixMillis, catalog: &Catalog) -> Hushed {
        let mut hushed = Hushed { now, ..Hushed::default() };
        let waits = |alert: &Alert| {
            self.covers(now, alert, catalog) || self.absent.hushes(now, alert) || alert.unknown_since.is_some()
        };
        for alert in self.muted.values().filter(|alert| !waits(alert)) {
            hushed.marks.push((alert.id, false));
            // Of a device that was deleted meanwhile there is nothing left to tell.
            if alert.device().is_some_and(|device| catalog.device(device).is_none()) {
                continue;
            }
            hushed.told.push(Notice::Changed {
                alert: Alert { learned_at: now, ..alert.clone() },
                occurred_at: alert.fired_at.unwrap_or(alert.started_at),
                points: Vec::new(),
                to: Hearers::All,
            });
        }
        hushed
    }

    /// When [`Silences::over`] may have something to tell, but for alerts of devices that are back: those are looked at with the
    /// devices.
    #[must_use]
    pub fn poll_timeout(&self, now: UnixMillis) -> Option<UnixMillis> {
        if self.muted.is_empty() {
            return None;
        }
        self.all.iter().filter_map(|one| one.until(now)).min()
    }

    /// The alert by which nobody is told of this one: its device is offline.
    #[must_use]
    pub fn because(&self, alert: &Alert) -> Option<AlertId> {
        self.absent.because(alert).filter(|_| self.muted.contains_key(&alert.id))
    }

    /// Makes a proposal true, after it is on disk.
    pub fn apply(&mut self, hushed: Hushed) {
        for alert in hushed.muted {
            self.muted.insert(alert.id, alert);
        }
        for alert in hushed.amended {
            self.muted.entry(alert.id).and_modify(|muted| *muted = alert);
        }
        self.absent.follow(hushed.now, &hushed.devices);
        for (id, _) in hushed.marks.iter().filter(|(_, muted)| !muted) {
            self.muted.remove(id);
        }
    }

    /// Whether nobody was told of an alert because of a silence.
    #[must_use]
    pub fn is_muted(&self, alert: AlertId) -> bool {
        self.muted.contains_key(&alert)
    }

    fn covers(&self, now: UnixMillis, alert: &Alert, catalog: &Catalog) -> bool {
        self.until(now, alert, catalog).is_some()
    }

    /// When the last of those ends that cover an alert at `now`; `None` where none does.
    #[must_use]
    pub fn until(&self, now: UnixMillis, alert: &Alert, catalog: &Catalog) -> Option<UnixMillis> {
        let none = Labels::new();
        let device = alert.device().and_then(|device| catalog.device(device));
        let names = alert.names(catalog);
        let is_gone = |series| catalog.series(series).is_none();
        if alert.device().is_some() && (device.is_none() || alert.series().is_some_and(is_gone)) {
            return None;
        }
        let covering = self.all.iter().filter(|Compiled { silence, device: devices, sensor, .. }| {
            let spec = &silence.spec;
            spec.rule.is_none_or(|rule| rule == alert.rule)
                && sensor.matches(names.sensor)
                && device.map_or_else(
                    || devices.matches(names.device),
                    |device| devices.matches_device(names.device, &device.id),
                )
                && carry(device.map_or(&none, |device| &device.labels), &spec.labels)
        });
        covering.filter_map(|one| one.until(now)).max()
    }
}

impl Compiled {
    /// Until when it is in force without a break, if it is at `now`.
    fn until(&self, now: UnixMillis) -> Option<UnixMillis> {
        let spec = &self.silence.spec;
        if now < spec.from || now >= spec.until {
            return None;
        }
        let Some(weekly) = &spec.weekly else { return Some(spec.until) };
        weekly.around(now, &self.zone).map(|(_, until)| until.min(spec.until))
    }
}
