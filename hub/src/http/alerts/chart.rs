//! `/alerts/{id}/chart.png`: the picture of an alert, for who is signed in, and for who has a link that the hub signed.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use super::found::found;
use crate::clock::Clock;
use crate::delivery::payload::Teller;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayReadSome;
use crate::http::request::params::{Asked, FromParams, Params};
use crate::http::request::path::Id;
use crate::model::UnixMillis;
use crate::model::alert::AlertId;
use crate::picture::{self, View};
use crate::store::Store;

/// What a signed link has behind its path.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct SignedLink {
    /// End of the link, in milliseconds since 1970; only with `sig`.
    #[param(value_type = i64, required = false)]
    until: Option<UnixMillis>,
    /// Signature of the hub over the alert and `until`, as in the links of its messages: with it nobody has to be signed in.
    #[param(required = false)]
    sig: Option<String>,
}

impl FromParams for SignedLink {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let until = params.parsed::<i64>("until", "a time in milliseconds since 1970")?;
        Ok(Self { until: until.map(UnixMillis), sig: params.one("sig")? })
    }
}

/// The readings around an alert as a picture of 800 by 400 points: the line, the limit, where it began and where it was over. Only of
/// alerts about a sensor.
#[utoipa::path(get, path = "/api/v1/alerts/{id}/chart.png", tag = "alerts",
    params(("id" = String, Path, description = "Alert id"), SignedLink),
    responses((status = 200, content_type = "image/png", body = Vec<u8>), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(in crate::http) async fn png(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(teller): State<Teller>,
    caller: Result<MayReadSome, ApiError>,
    id: Result<Id<AlertId>, ApiError>,
    Asked(link): Asked<SignedLink>,
) -> Result<impl IntoResponse, ApiError> {
    let view = view(&store, clock, teller, caller, id, &link).await?;
    let picture = picture::draw(view).await?;
    Ok(([(CONTENT_TYPE, "image/png"), (CACHE_CONTROL, "private, max-age=60")], picture.png))
}

/// The same in the format SVG.
#[utoipa::path(get, path = "/api/v1/alerts/{id}/chart.svg", tag = "alerts",
    params(("id" = String, Path, description = "Alert id"), SignedLink),
    responses((status = 200, content_type = "image/svg+xml", body = String), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(in crate::http) async fn svg(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(teller): State<Teller>,
    caller: Result<MayReadSome, ApiError>,
    id: Result<Id<AlertId>, ApiError>,
    Asked(link): Asked<SignedLink>,
) -> Result<impl IntoResponse, ApiError> {
    let view = view(&store, clock, teller, caller, id, &link).await?;
    Ok(([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "private, max-age=60")], view.svg()))
}

/// What is drawn, for whoever may see it: a link admits to its one picture, whoever asks.
async fn view(
    store: &Store,
    clock: Clock,
    teller: Teller,
    caller: Result<MayReadSome, ApiError>,
    id: Result<Id<AlertId>, ApiError>,
    link: &SignedLink,
) -> Result<View, ApiError> {
    let now = clock.wall();
    let alert = match &link.sig {
        Some(sig) => {
            let Id(id) = id?;
            if !teller.pictures.admits(id, (link.until.unwrap_or(UnixMillis(0)), sig), now) {
                let detail = "this link has ended, or is not as the hub made it: sign in to see the alert";
                return Err(ApiError::forbidden("sig", detail));
            }
            store.alert(id).await?
        }
        None => {
            let MayReadSome(view) = caller?;
            found(store, &view, id?.0).await?
        }
    };
    let view = picture::of(store, &alert, teller.zone, now).await?;
    view.ok_or_else(|| ApiError::not_found("this alert is not about a sensor that is there: it has no picture"))
}
