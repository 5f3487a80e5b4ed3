//! What `device-agent status` is told of a running agent.

use tokio::net::UnixStream;

use super::{Agent, CLAIMED_FOR, MOST_ANSWERS, oldest};
use crate::clock;
use crate::sensor::Remark;
use crate::status::{self, Claim, Report};
use crate::trouble::Trouble;
use crate::uplink::{State, words_of};

impl Agent {
    /// Sources that fail; the others go on.
    pub(super) fn failing(&self) -> impl Iterator<Item = &Trouble> {
        self.left_out.iter().chain(self.input.troubles()).chain(self.intake.troubles())
    }

    /// What is to be known of sources that do not fail.
    pub(super) fn remarks(&self) -> impl Iterator<Item = &Remark> {
        self.input.remarks().chain(self.intake.remarks()).chain(&self.told_apart)
    }

    pub(super) fn claimed(&self) -> Option<Claim> {
        let now = clock::now().mono;
        let told = self.claimed.as_ref().filter(|(_, at)| now.saturating_duration_since(*at) < CLAIMED_FOR)?;
        Some(Claim::new(&told.0, self.identity.folder()))
    }

    /// Answers beside the loop; while many do not read their answers, nobody gets another.
    pub(super) fn answer(&mut self, question: UnixStream) {
        while self.answers.try_join_next().is_some() {}
        if self.answers.len() < MOST_ANSWERS {
            self.answers.spawn(status::answer(question, self.report()));
        }
    }

    pub(super) fn report(&self) -> Report {
        let (remarks, more_remarks) = status::fitting(self.remarks());
        let (uplink, spool) = (&self.feed.uplink, &self.feed.spool);
        let (overwritten, stored_over) = self.overwritten.counts(oldest(&self.feed, &self.gather, self.epoch));
        let state = match uplink.state() {
            State::Searching => "searching",
            State::Handshaking => "handshaking",
            State::Pending => "pending",
            State::Streaming => "streaming",
        };
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            id: self.identity.id().to_string(),
            words: words_of(&self.identity.keys().public),
            name: self.settings.name.clone(),
            state: state.to_owned(),
            hub: uplink.hub().map(|(_, address)| address.to_string()),
            last_hub: uplink.last_known().map(|(_, address)| address.to_string()),
            last_hub_words: uplink.last_known().map(|(hub, _)| words_of(&hub)),
            hub_words: uplink.hub().map(|(hub, _)| words_of(&hub)),
            belongs: self.identity.pinned_hub().is_some(),
            boot: self.epoch.0,
            sensors: self.table.len(),
            readings_taken: self.taken.saturating_sub(overwritten),
            readings_acked: spool.acked().saturating_sub(stored_over),
            readings_dropped: spool.dropped(),
            dropped_by: spool.drops(),
            spool_batches: spool.len(),
            rtt_ms: uplink.round_trip().map(|rtt| rtt.as_secs_f64() * 1000.0),
            clock_offset_ms: uplink.clock_offset_ms(),
            clock_steps: self.timeline.steps(),
            clock_drift_ppm: uplink.clock_drift_ppb().map(|ppb| ppb as f64 / 1000.0),
            failing: self.failing().cloned().collect(),
            lost: self.intake.lost().map(|(source, lost)| (source.to_owned(), lost.clone())).collect(),
            remarks,
            more_remarks,
            claimed: self.claimed(),
        }
    }
}
