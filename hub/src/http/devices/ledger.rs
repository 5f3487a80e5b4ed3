//! `/devices/{id}/ledger`: what became of every reading a device took.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::found::unknown;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayReadSome;
use crate::http::request::page::{LongPages, Paging};
use crate::http::request::params::{Asked, FromParams, Params, in_order};
use crate::http::request::path::InPath;
use crate::model::{Hour, UnixMillis, ledger, when};
use crate::store::Store;

/// What became of the readings a device measured, by the hour of the readings' time. Every line balances: `taken =
/// received + recovered + thinned + dropped + waiting + missing`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Ledger {
    /// By hour, oldest first; hours without a reading are left out.
    pub items: Vec<LedgerHour>,
    /// What to send as `cursor` to go on; null at the end.
    pub next: Option<String>,
    /// The sum over all that was asked for, also when `items` is only a part of it.
    pub total: LedgerCounts,
    /// When the device last reported what it took and dropped; null if it never did: `taken` is then what is accounted for.
    pub reported_at: Option<String>,
    /// Hour of the oldest reading the device held when it last reported; null when it held none, or never reported.
    pub holds_from: Option<String>,
}

/// One hour of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct LedgerHour {
    /// Its start.
    pub hour: String,
    /// What became of its readings.
    #[serde(flatten)]
    pub counts: LedgerCounts,
}

/// What became of readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LedgerCounts {
    /// Measured and put into the device's buffer.
    pub taken: u64,
    /// On the hub's disk, sent as they were measured.
    pub received: u64,
    /// On the hub's disk, sent after a lost connection or from a recording.
    pub recovered: u64,
    /// Left out by the device between others that stayed, because its buffer was full.
    pub thinned: u64,
    /// Given up by the device.
    pub dropped: LedgerDrops,
    /// Not here, and the device may still hold them.
    pub waiting: u64,
    /// Not here, and the device does not hold them any more.
    pub missing: u64,
}

/// Readings a device gave up, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LedgerDrops {
    /// The oldest ones, because the buffer was full.
    pub oldest: u64,
    /// The newest ones, because the buffer was full.
    pub newest: u64,
    /// Held longer than the device keeps readings.
    pub expired: u64,
    /// The device's disk did not give them back.
    pub unreadable: u64,
    /// For a reason this hub does not know.
    pub other: u64,
}

impl From<&ledger::Line> for LedgerCounts {
    fn from(line: &ledger::Line) -> Self {
        let ledger::Drops { oldest, newest, expired, unreadable, other } = line.dropped;
        Self {
            taken: line.taken,
            received: line.received,
            recovered: line.recovered,
            thinned: line.thinned,
            dropped: LedgerDrops { oldest, newest, expired, unreadable, other },
            waiting: line.waiting,
            missing: line.missing,
        }
    }
}

impl LedgerHour {
    /// One line.
    #[must_use]
    pub(crate) fn of(hour: Hour, line: &ledger::Line) -> Self {
        Self { hour: when::moment(hour.start()), counts: line.into() }
    }
}

/// Hours of one question: over a year. A device has a line or two an hour.
const MOST_HOURS: i64 = 10_000;

/// Which hours.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct AskLedger {
    /// Start, included with its whole hour: RFC 3339, epoch milliseconds, or `now-6h`; a day before `to` when left out.
    #[param(value_type = String, required = false)]
    from: UnixMillis,
    /// End, not included unless it lies within an hour; now when left out.
    #[param(value_type = String, required = false)]
    to: UnixMillis,
    #[param(ignore)]
    paging: Paging,
}

impl FromParams for AskLedger {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let to = params.time("to")?.unwrap_or_else(|| params.now().plus(1));
        let from = params.time("from")?.unwrap_or_else(|| to.plus(-24 * Hour::MILLIS));
        let (from, to) = in_order(from, to)?;
        if to.since(from) > MOST_HOURS * Hour::MILLIS {
            let detail = format!("`from` must be at most {MOST_HOURS} hours before `to`: ask for less at a time");
            return Err(ApiError::invalid("from", detail));
        }
        Ok(Self { from, to, paging: params.paging(1_000, 10_000)? })
    }
}

/// The loss ledger: what became of the readings a device measured, by the hour of the readings' time.
#[utoipa::path(get, path = "/api/v1/devices/{id}/ledger", tag = "devices",
    params(("id" = String, Path, description = "Device id"), AskLedger, LongPages),
    responses((status = 200, body = Ledger), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(in crate::http) async fn show(
    State(store): State<Store>,
    MayReadSome(view): MayReadSome,
    InPath(id): InPath,
    Asked(asked): Asked<AskLedger>,
) -> Result<Json<Ledger>, ApiError> {
    let device = view.device(&store.catalog(), id).map(|device| device.no).ok_or_else(|| unknown(id))?;
    // Answered under load as well: some lines an hour of one device, which say what the load did to it.
    // The whole of every hour that is touched: counts have no minutes.
    let (from, to) = (asked.from.hour(), Hour(asked.to.plus(-1).hour().0 + 1));
    let ledger = store.ledger(device, from, to).await?;
    let total = (&ledger.total()).into();
    // Moved up so that hours before 1970 sort in their place.
    let key = |(hour, _): &(Hour, _)| Paging::key(hour.0.wrapping_sub(i64::MIN).cast_unsigned());
    let page = asked.paging.cut(ledger.hours, key, |(hour, line)| LedgerHour::of(hour, &line));
    Ok(Json(Ledger {
        items: page.items,
        next: page.next,
        total,
        reported_at: ledger.told.map(|told| when::moment(told.at)),
        holds_from: ledger.told.and_then(|told| told.holds_from).map(|hour| when::moment(hour.start())),
    }))
}
