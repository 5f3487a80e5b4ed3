//! Something that is read again and again, and how its last reads went.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::errand::Errand;
use super::files::Spot;
use super::{Class, Error, Samples};
use crate::crew::{LONG, PATIENCE, Pace};

/// A read that takes longer than this is reported as hanging.
pub(super) const HANGS: Duration = Duration::from_secs(2);
/// A read that usually takes longer than this is reported as slow.
const SLOW: Duration = Duration::from_millis(300);
/// How long a value that was left out is reported, so that one that comes and goes is seen.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// What an errand reads, and how that went.
#[derive(Debug)]
pub(super) struct Thing {
    pub(super) class: Class,
    /// What it reads, for people.
    pub(super) file: PathBuf,
    /// Tells which file it is at.
    spot: Arc<Spot>,
    /// The sensor, if it is one.
    name: Arc<str>,
    /// How long it took the last time, and usually.
    took: Option<(Duration, Duration)>,
    /// Sensors that failed, and why.
    pub(super) failed: Vec<(String, Error)>,
    /// Sensors whose value was not taken, and why.
    pub(super) left_out: Vec<(String, String)>,
    left_out_at: Option<Instant>,
    /// Sensors of it that gave a value, now or in an earlier run.
    pub(super) spoken: Vec<String>,
    /// Sensors that never did, because the driver says that there is nothing to measure.
    pub(super) mute: Vec<String>,
}

impl Thing {
    pub(super) fn new(class: Class, file: PathBuf, name: Arc<str>, spot: Arc<Spot>) -> Self {
        let (failed, left_out, spoken, mute) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { class, file, spot, name, took: None, failed, left_out, left_out_at: None, spoken, mute }
    }

    /// The file that hangs, while one does.
    pub(super) fn hanging(&self) -> PathBuf {
        self.spot.file().unwrap_or_else(|| self.file.clone())
    }

    /// How it is expected to go the next time.
    pub(super) fn pace(&self) -> Pace {
        match self.took {
            Some((last, _)) if last < PATIENCE => Pace::Quick,
            Some((last, _)) if last < LONG => Pace::Slow,
            _ => Pace::Untried,
        }
    }

    /// Whether it is quick, and nothing is to be said of it: as long as it stays so nobody need ask.
    pub(super) fn is_well(&self) -> bool {
        let is_quick = self.took.is_some_and(|(last, usual)| last.max(usual) < PATIENCE);
        is_quick && self.failed.is_empty() && self.left_out.is_empty() && self.mute.is_empty()
    }

    /// It is back with a value, after so long.
    pub(super) fn measured(&mut self, took: Duration, now: Instant) {
        self.failed.clear();
        self.mute.clear();
        if self.spoken.is_empty() {
            self.spoken.push(self.name.to_string());
        }
        self.note_time(took);
        self.forget_left_out(now);
    }

    /// Takes in the results of an errand that took this long.
    pub(super) fn note(&mut self, errand: &mut Errand, took: Duration, now: Instant) {
        self.failed.clear();
        self.failed.append(&mut errand.samples.failed);
        if let Err(error) = std::mem::replace(&mut errand.result, Ok(())) {
            self.failed.insert(0, (self.name.to_string(), error));
        }
        // How long nothing came is not how long an answer takes.
        if !self.failed.iter().any(|(_, error)| matches!(error, Error::NoAnswer(_))) {
            self.note_time(took);
        }
        self.note_silence(&mut errand.samples);
        if errand.samples.left_out.is_empty() {
            return self.forget_left_out(now);
        }
        self.left_out.clear();
        self.left_out.append(&mut errand.samples.left_out);
        self.left_out_at = Some(now);
    }

    /// What measured before and does not now is left out; what never measured is mute.
    fn note_silence(&mut self, samples: &mut Samples) {
        self.mute.clear();
        // Only a supply has several sensors, and at most ten.
        if matches!(self.class, Class::Hwmon | Class::Thermal | Class::Power) {
            for sample in samples.iter() {
                if !self.spoken.iter().any(|name| name == sample.name) {
                    self.spoken.push(sample.name.to_owned());
                }
            }
        }
        let first = samples.silent.iter().find(|(name, _)| !name.ends_with(".charging")).map(|(_, how)| how.clone());
        for (name, how) in std::mem::take(&mut samples.silent) {
            let is_told = samples.has(&name) || samples.left_out.iter().any(|(told, _)| *told == name);
            match self.spoken.contains(&name) {
                _ if is_told => {}
                true => samples.leave_out(&name, how),
                false if !self.mute.contains(&name) => self.mute.push(name),
                false => {}
            }
        }
        // What a supply's driver does not say itself is made of voltage and current, or of what it holds.
        let is_made = |name: &&String| name.ends_with(".power") || name.ends_with(".charge_pct");
        for (name, first) in self.spoken.iter().filter(is_made).filter_map(|name| Some((name, first.as_ref()?))) {
            let is_known = |(known, _): &(String, String)| known == name;
            let failed = self.failed.iter().any(|(failed, _)| failed == name);
            if !failed && !samples.has(name) && !samples.left_out.iter().any(is_known) {
                samples.left_out.push((name.clone(), first.clone()));
            }
        }
    }

    fn note_time(&mut self, took: Duration) {
        // One that hung once says nothing of how long it usually takes; the second in a row does.
        let usual = match self.took {
            Some((last, usual)) if took >= HANGS && last < HANGS => usual,
            Some((_, usual)) => (usual * 3 + took) / 4,
            None => took,
        };
        self.took = Some((took, usual));
    }

    fn forget_left_out(&mut self, now: Instant) {
        if self.left_out_at.is_some_and(|at| now.saturating_duration_since(at) >= TOLD_FOR) {
            self.left_out.clear();
            self.left_out_at = None;
        }
    }

    /// Whether there is nothing to be said of it.
    pub(super) fn is_silent(&self) -> bool {
        self.failed.is_empty() && self.left_out.is_empty() && self.mute.is_empty() && self.slowly().is_none()
    }

    /// How long it usually takes, in words, if that is long.
    pub(super) fn usual(&self) -> Option<String> {
        let usual = self.slowly()?.as_secs_f64();
        Some(if usual < 1.0 { format!("{usual:.2} s") } else { format!("{usual:.1} s") })
    }

    fn slowly(&self) -> Option<Duration> {
        self.took.map(|(_, usual)| usual).filter(|usual| *usual >= SLOW)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sensor::Files;

    #[test]
    fn what_hung_once_is_as_quick_as_it_was_and_what_takes_long_again_is_slow() {
        let spot = Files::new(Path::new("/"), "").spot();
        let mut thing = Thing::new(Class::Hwmon, PathBuf::new(), Arc::from("temp.x"), spot);
        let now = crate::clock::mono();
        let mut takes = |millis: u64| {
            thing.measured(Duration::from_millis(millis), now);
            thing.usual()
        };
        assert_eq!([takes(1), takes(15_000), takes(2), takes(15_000), takes(1)], [None, None, None, None, None]);
        assert_eq!((takes(3_000), takes(3_000).is_some()), (None, true));
    }
}
