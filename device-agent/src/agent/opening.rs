//! Opens an agent: identity, spool, sockets and sources, in this order.

use tokio::task::JoinSet;
use tracing::{info, warn};
use wire::handshake::JoinToken;
use wire::message::Hello;
use wire::{BatchSeq, Epoch};

use super::moments::{Moments, Overwritten};
use super::stretches::Stretches;
use super::{Agent, Error, REJOIN_EVERY};
use crate::clock::{self, Alarm, Now};
use crate::config::Settings;
use crate::deadband::Deadband;
use crate::feed::Feed;
use crate::identity::{Identity, Origin, Pin as HubPin};
use crate::input::Input;
use crate::intake::{self, Intake};
use crate::net::Net;
use crate::notice;
use crate::quantity;
use crate::resolver::Resolver;
use crate::sampler::Gather;
use crate::seeking::Seeking;
use crate::sensor::SensorTable;
use crate::spool::{Recovery, Spool};
use crate::status;
use crate::timeline::Timeline;
use crate::uplink::{Config, Uplink, words_of};

/// Batches in flight, whatever the hub allows: bounds memory.
const MAX_IN_FLIGHT: u32 = 256;

impl Agent {
    /// Opens everything: identity, spool, sockets, sources. To be called inside the runtime.
    ///
    /// # Errors
    /// [`Error`]: the state folder or the network cannot be used.
    pub fn open(mut settings: Settings, mut input: Input) -> Result<Self, Error> {
        let now = clock::now();
        let mut identity = Identity::open(&settings.state)?;
        notice::origin(&identity);
        let (spool, epoch) = open_spool(&mut identity, &settings, now)?;
        let mut table = SensorTable::open(identity.folder(), epoch, now.mono).map_err(Error::State)?;
        input.remember(identity.folder(), table.described().0);

        let pin = trusted_pin(&identity, settings.join_token.as_ref(), settings.hub_words.as_deref());
        let token = settings.join_token.as_ref().map_or_else(|| pin.map_or(0, |pin| pin.token), |token| token.id);
        let net = Net::open(true).map_err(Error::Network)?;
        let mut uplink = uplink_of(&settings, &mut identity, epoch, pin, now)?;
        let (sensors, revision, numbering) = table.described();
        uplink.set_numbering(sensors, revision, numbering);
        let questions = status::listen(identity.folder())
            .inspect_err(|error| warn!("`device-agent status` will not work: {error}"))
            .ok();
        // A recording is played as it is: nothing of this machine belongs to it.
        let plays = matches!(input, Input::Recording { .. });
        let sources = if plays { Vec::new() } else { std::mem::take(&mut settings.sources) };
        if !plays {
            table.set_givers(intake::givers(&sources));
        }
        let rules = if plays { Vec::new() } else { std::mem::take(&mut settings.rules) };
        let names = std::mem::take(&mut settings.hub_names);
        let resolver = Resolver::new(settings.hub.clone(), names.clone(), now.mono);
        Ok(Self {
            gather: Gather::new(input.lane(now.unix)),
            timeline: Timeline::new(now, clock::suspended_ms()),
            clock_from: BatchSeq(0),
            stretches: Stretches::default(),
            deadband: Deadband::new(rules),
            intake: Intake::start(sources),
            settings,
            identity,
            epoch,
            token,
            net,
            feed: Feed { uplink, spool },
            table,
            left_out: None,
            told_apart: Vec::new(),
            input,
            questions,
            answers: JoinSet::new(),
            resolver,
            alarm: Alarm::unset(),
            tend_at: now.mono,
            rejoin_at: now.mono + REJOIN_EVERY,
            taken: 0,
            moments: Moments::default(),
            overwritten: Overwritten::default(),
            spool_trouble: false,
            lost_at: None,
            seeking: Seeking::default(),
            names,
            unknown: None,
            claimed: None,
        })
    }
}

/// The spool with what earlier runs left in it, and the boot that begins.
fn open_spool(identity: &mut Identity, settings: &Settings, now: Now) -> Result<(Spool, Epoch), Error> {
    let folder = identity.folder().join("spool");
    let epoch = identity.begin_epoch(Spool::highest_epoch(&folder))?;
    let (mut spool, recovery) = Spool::open(&folder, epoch, settings.spool, now.mono).map_err(Error::State)?;
    spool.set_policy(settings.policy);
    said_of(&recovery);
    Ok((spool, epoch))
}

/// The protocol's side of the device, which knows the hub it belongs to, if it does to one.
fn uplink_of(
    settings: &Settings,
    identity: &mut Identity,
    epoch: Epoch,
    pin: Option<HubPin>,
    now: Now,
) -> Result<Uplink, Error> {
    let mut random = crate::random::Random::from_system()?;
    let config = Config {
        keys: identity.keys().clone(),
        epoch,
        pinned: pin.map(|pin| pin.hub),
        token: settings.join_token.clone(),
        words: settings.hub_words.clone(),
        only_addresses: settings.hub.is_some(),
        hello: hello_of(settings),
        max_in_flight: MAX_IN_FLIGHT,
        index: 0,
        seed: random.bits(),
        start: identity.draw_start(random.bits()),
    };
    let mut uplink = Uplink::new(config, now);
    if let Some((hub, address)) = pin.and_then(|pin| Some((pin.hub, pin.address?))) {
        uplink.add_known(hub, address, now);
    }
    Ok(uplink)
}

/// Logs how much earlier runs left in the spool, and how much of that cannot be read.
fn said_of(recovery: &Recovery) {
    if recovery.batches > 0 {
        let readings = quantity::of(recovery.readings, "reading");
        info!(readings = recovery.readings, "{readings} from earlier runs still to be sent");
    }
    if recovery.damaged > 0 {
        let places = quantity::of(recovery.damaged as u64, "damaged place");
        warn!(damaged = recovery.damaged, "spool: {places} skipped");
    }
    for aside in &recovery.foreign {
        warn!("spool: a file that is not a segment was set aside as {}", aside.display());
    }
    for (path, why) in &recovery.unreadable {
        warn!("spool: {} cannot be read, the hub will show what is in it as missing: {why}", path.display());
    }
}

/// How the device introduces itself.
fn hello_of(settings: &Settings) -> Hello {
    let model = std::fs::read_to_string("/proc/device-tree/model").unwrap_or_else(|_| {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("Linux");
        name.trim_matches('"').to_owned()
    });
    let model: String =
        model.chars().filter(|c| !c.is_control() && c.is_ascii()).take(wire::message::TEXT_LIMIT).collect();
    Hello {
        name: settings.name.clone(),
        model,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        labels: settings.labels.clone(),
        preview: Vec::new(),
    }
}

/// The pin, unless a token says that the device shall join anew: another than the one it was made with, or any if this
/// identity is new and never joined. The token proves the hub as well. So does naming another hub by its words.
fn trusted_pin(identity: &Identity, token: Option<&JoinToken>, words: Option<&str>) -> Option<HubPin> {
    let joined = *identity.origin() == Origin::Kept;
    let pin = identity.pinned_hub().filter(|pin| token.is_none_or(|token| joined && token.id == pin.token));
    pin.filter(|pin| words.is_none_or(|words| words == words_of(&pin.hub)))
}
