//! Stores readings that were gathered from a request or a file, after creating the devices and sensors that they name.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::time::timeout;

use super::inlet::Inlet;
use super::unpack::busy;
use crate::http::error::ApiError;
use crate::http::limits::{PUSH_ROOM_WITHIN, ROOM_WITHIN};
use crate::http::principal::By;
use crate::http::shares::newcomers::{Refusal as NoNewcomer, Wanted};
use crate::ingest::desk::Verdict;
use crate::ingest::gather::{Gathered, LeftOut, Part, Refusal, Refused};
use crate::live::Update;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::view::View;
use crate::store::{Origin, Wish};

/// How often devices and sensors are created for one request: a deletion at the same time may undo it once.
const TRIES: usize = 3;

/// What whoever sends may do besides sending.
#[derive(Debug)]
pub(in crate::http) struct Sends {
    /// Who may make so many devices and series only; nobody where any number is right.
    pub(super) by: Option<By>,
    /// Devices that their readings may be of.
    pub(super) view: View,
    /// Whether the rest is stored where some of it is not taken.
    pub(super) partial: bool,
}

impl Sends {
    /// Any number of any devices, all of it or nothing.
    pub(in crate::http) const ANYTHING: Self = Self { by: None, view: View::ALL, partial: false };
}

/// What came of readings.
#[derive(Debug, Default)]
pub(in crate::http) struct Stored {
    /// The devices they are of.
    pub(in crate::http) devices: Vec<DeviceNo>,
    /// Why some are not stored, and how many those are.
    pub(in crate::http) left_out: Vec<(ApiError, usize)>,
}

/// Makes what is missing, and waits until all readings are on disk.
pub(in crate::http) async fn store(
    inlet: &Inlet,
    gathered: &mut Gathered,
    sends: &Sends,
    now: UnixMillis,
) -> Result<Stored, ApiError> {
    let mut left_out = make(inlet, gathered, sends, now).await?;
    if gathered.is_empty() && !left_out.is_empty() {
        return Err(left_out.swap_remove(0).0);
    }
    let mut batches = gathered.batches(now);
    let entrance = &inlet.entrance;
    let within = if gathered.origin() == Origin::Pushed { PUSH_ROOM_WITHIN } else { ROOM_WITHIN };
    while !batches.is_empty() {
        let fit = entrance.fit(&batches);
        let rest = batches.split_off(fit.max(1).min(batches.len()));
        // What is pushed is taken as a whole; history in as many steps as it takes.
        if !rest.is_empty() && gathered.origin() == Origin::Pushed {
            let detail = "these are more readings than the hub can queue (`--ingest-queue`): send them in parts";
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
        }
        let room = timeout(within, entrance.reserve_for(&batches)).await.map_err(|_| busy(inlet))?;
        let told = inlet.desk.hand_in(entrance, room.ok_or_else(ApiError::stopping)?, batches);
        match told.await {
            Ok(Verdict::Stored) => batches = rest,
            Ok(Verdict::Refused) => return Err(crate::store::Error::Full.into()),
            Err(_) => return Err(ApiError::stopping()),
        }
    }
    Ok(Stored { devices: gathered.devices().collect(), left_out })
}

/// Makes the devices and sensors that are missing; what had to be left out, where the rest is stored all the same.
async fn make(
    inlet: &Inlet,
    gathered: &mut Gathered,
    sends: &Sends,
    now: UnixMillis,
) -> Result<Vec<(ApiError, usize)>, ApiError> {
    let mut left_out = Vec::new();
    for _ in 0..TRIES {
        let wishes = if sends.partial {
            let (wishes, more) = gathered.resolve_the_rest(&inlet.store.catalog(), &sends.view);
            left_out.extend(more.into_iter().map(|LeftOut { refused, readings }| (refused.into(), readings)));
            wishes
        } else {
            gathered.resolve(&inlet.store.catalog(), &sends.view)?
        };
        if wishes.is_empty() {
            return Ok(left_out);
        }
        let made: Vec<_> = wishes.iter().map(|wish| wish.id).collect();
        let says_kinds = wishes.iter().flat_map(|wish| &wish.sensors).any(|(_, said)| said.kind.is_some());
        match give_numbers(inlet, wishes, gathered.origin(), sends, now).await {
            Ok(()) => {}
            // What is there goes on, also on a hub that takes nothing new.
            Err(error) if sends.partial && error.is_for_ever() => {
                left_out.push((error, gathered.leave_out_missing()));
                return Ok(left_out);
            }
            Err(error) => return Err(error),
        }
        if says_kinds {
            // A rate of a counter is not that of a gauge.
            inlet.rules_changed.tell();
        }
        for id in made {
            inlet.bus.publish(Arc::new(Update::Device(id)));
        }
    }
    let detail = "a device was deleted while its readings arrived: send them again";
    Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1))
}

/// Makes devices and sensors, if the sender may.
async fn give_numbers(
    inlet: &Inlet,
    wishes: Vec<Wish>,
    origin: Origin,
    sends: &Sends,
    now: UnixMillis,
) -> Result<(), ApiError> {
    sends.by.map_or(Ok(()), |by| admit(inlet, by, &wishes))?;
    Ok(inlet.store.give_numbers(wishes, origin, now).await?)
}

/// Whether somebody may make these now.
fn admit(inlet: &Inlet, by: By, wishes: &[Wish]) -> Result<(), ApiError> {
    let (wanted, there) = {
        let catalog = inlet.store.catalog();
        let devices = wishes.iter().filter(|wish| catalog.device_by_id(wish.id).is_none()).count();
        // One that is there and is said to be something else counts as well: that is as much work.
        let series = wishes.iter().map(|wish| wish.sensors.len()).sum();
        let there = Wanted { devices: catalog.device_count(), series: catalog.series_count() };
        (Wanted { devices, series }, there)
    };
    inlet.newcomers.admit(inlet.clock.now(), by, wanted, there, inlet.store.limits()).map_err(|refusal| {
        inlet.desk.counters.newcomers();
        refusal.into()
    })
}

impl From<NoNewcomer> for ApiError {
    fn from(refusal: NoNewcomer) -> Self {
        const BY_ADMIN: &str = "a token with scope `admin`, and `telemetry-hub import`, may make more";
        match refusal {
            NoNewcomer::TooMany { what, at_once, a_minute } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_many_new",
                format!(
                    "one token may make {at_once} {what} at once and {a_minute} a minute after that: send fewer; {BY_ADMIN}"
                ),
            ),
            NoNewcomer::TooFast { what, a_minute, seconds } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_new",
                format!("one token may make {a_minute} {what} a minute: send this again in {seconds} s; {BY_ADMIN}"),
            )
            .retry_after(seconds),
            NoNewcomer::NoPlace { what } => Self::new(
                StatusCode::CONFLICT,
                "limit",
                format!("the hub takes no new {what} from a token: {BY_ADMIN}, as does a higher `--max-{what}`"),
            ),
        }
    }
}

impl From<Refused> for ApiError {
    fn from(Refused { why, part }: Refused) -> Self {
        let error = Self::from(why);
        match part {
            None => error,
            Some(Part::Line(number)) => error.in_line(number),
            Some(Part::Item(index)) => error.within(&format!("[{index}]")),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Outside { device, view } => {
                let detail =
                    format!("`{device}` is not one of the devices with {view}, and this token is only for those");
                Self::forbidden("scope", detail).field("device")
            }
            Refusal::LikeAnId(device) => {
                let detail = format!("there is no device with the id `{device}`, and a new one needs another name");
                Self::invalid("device", detail)
            }
            Refusal::Blocked(device) => Self::conflict("device", format!("{device} is blocked")),
            Refusal::Own { device, sensor } => Self::conflict(
                "sensor",
                format!("{sensor} of {device} is sent by the device's own agent: use another sensor name"),
            ),
        }
    }
}
