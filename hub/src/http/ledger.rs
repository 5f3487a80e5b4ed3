//! `/devices/{id}/ledger`: what became of every reading a device took.

use axum::Json;
use axum::extract::State;

use super::AppState;
use super::auth::Onlooker;
use super::devices::unknown;
use super::dto::Problem;
use super::dto::ledger::{Ledger, LedgerHour};
use super::dto::text;
use super::error::ApiError;
use super::page::Paging;
use super::params::{Asked, FromParams, Params};
use super::path::InPath;
use super::readings::in_order;
use crate::model::{Hour, UnixMillis};

/// Hours of one question: over a year. A device has a line or two an hour.
const MOST_HOURS: i64 = 10_000;

/// Which hours.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskLedger {
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
    params(("id" = String, Path, description = "Device id"), AskLedger, Paging),
    responses((status = 200, body = Ledger), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(app): State<AppState>,
    Onlooker(view): Onlooker,
    InPath(id): InPath,
    Asked(asked): Asked<AskLedger>,
) -> Result<Json<Ledger>, ApiError> {
    let device = view.device(&app.store.catalog(), id).map(|device| device.no).ok_or_else(|| unknown(id))?;
    // Answered under load as well: some lines an hour of one device, which say what the load did to it.
    // The whole of every hour that is touched: counts have no minutes.
    let (from, to) = (asked.from.hour(), Hour(asked.to.plus(-1).hour().0 + 1));
    let ledger = app.store.ledger(device, from, to).await?;
    let total = (&ledger.total()).into();
    // Moved up so that hours before 1970 sort in their place.
    let key = |(hour, _): &(Hour, _)| Paging::key(hour.0.wrapping_sub(i64::MIN).cast_unsigned());
    let page = asked.paging.cut(ledger.hours, key, |(hour, line)| LedgerHour::of(hour, &line));
    Ok(Json(Ledger {
        items: page.items,
        next: page.next,
        total,
        reported_at: ledger.told.map(|told| text::moment(told.at)),
        holds_from: ledger.told.and_then(|told| told.holds_from).map(|hour| text::moment(hour.start())),
    }))
}
