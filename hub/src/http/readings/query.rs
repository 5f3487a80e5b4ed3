//! `/query`: many series, aggregated in buckets of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use bytes::Bytes;
use jiff::tz::TimeZone;

use super::buckets;
use super::buckets::Every;
use super::result as query;
use super::result::{Empty, Group, Name, NewQuery, QueriesRequest, QueryResult, QueryResults, Source};
use crate::clock::Clock;
use crate::http::devices::kind::Kind;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayReadSome;
use crate::http::gate::history::History;
use crate::http::request::answers::Making;
use crate::http::request::body::Body;
use crate::http::request::page::{Paging, cursor};
use crate::http::request::params::{Asked, FromParams, Params, in_order};
use crate::http::request::pieces::Pieces;
use crate::http::request::select::{Selector, SelectorParams};
use crate::http::request::time::Time;
use crate::http::request::time::time;
use crate::model::UnixMillis;
use crate::model::catalog::Series;
use crate::model::device::Device;
use crate::model::reading::SeriesId;
use crate::model::view::View;
use crate::store::{self, Aggregates, Store, Tier};
use crate::zones;

/// Series of one query by default.
const USUAL_SERIES: usize = 1_000;
/// Series of one query at most, with `limit`.
const MOST_SERIES: usize = 10_000;
/// Numbers in one answer: nobody wants a hundred megabytes of JSON.
const MOST_BUCKETS: usize = 2_000_000;
/// What a number takes in an answer: `null,`, or a value of three to six digits.
const NUMBER_BYTES: usize = 6;
/// Percentiles of one query.
const MOST_PERCENTILES: usize = 10;
/// Queries of one request.
const MOST_QUERIES: usize = 50;
/// Buckets when neither `points` nor `every` is given.
const USUAL_POINTS: usize = 500;

/// A query that was checked.
#[derive(Debug)]
pub(in crate::http) struct Checked {
    selector: Selector,
    edges: Vec<UnixMillis>,
    group: Group,
    empty: Empty,
    wanted: Aggregates,
    kind: Option<Kind>,
    /// Names of the percentiles, as they were asked for.
    percentiles: Vec<String>,
    /// The cursor as it was given, and the series that it stands behind.
    limit: Option<usize>,
    after: Option<String>,
}

/// The parameters, for the contract: they are read into a [`NewQuery`].
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters")]
struct QueryParams {
    /// Start, included: RFC 3339, epoch milliseconds, or `now-6h`; an hour before `to` when left out.
    #[param(value_type = String, required = false)]
    from: (),
    /// End, not included; now when left out.
    #[param(value_type = String, required = false)]
    to: (),
    /// Number of buckets of equal length, the first from `from`; 500 when neither this nor `every` is given. Buckets of an
    /// hour and more begin at full five minutes, those of half a day and more at full hours.
    #[param(value_type = usize, minimum = 1, maximum = 10000, required = false)]
    points: (),
    /// Length of a bucket: `10s`, `5m`, `1h`, `6h`, `1d`, `1w`, `1mo`. Buckets are whole and begin at round times on the wall
    /// clock of `tz`, the same ones whatever `from` is: `6h` at 00:00, 06:00, 12:00 and 18:00, `1w` on Mondays, `1mo` on the
    /// first. Those longer than a change of the clock follow it: a day has 23 to 25 hours then, `6h` five to seven; shorter ones
    /// keep their length.
    #[param(value_type = String, required = false)]
    every: (),
    /// Time zone of `every`: a name such as `Europe/Berlin`, or `+05:30`; UTC when left out. `GET /hub` says whose
    /// rules are used.
    #[param(value_type = String, required = false)]
    tz: (),
    /// Values of each bucket: `count`, `min`, `max`, `avg`, `first`, `last`, `increase`, `rate`, or percentiles such as
    /// `p95`; separated by commas or repeated. The first six when left out. Percentiles need every reading: they are
    /// null where readings have been replaced by summaries, and `note` says so.
    #[param(value_type = Vec<String>, required = false)]
    agg: (),
    /// What `increase` and `rate` take the series for: `counter` for a total that only grows. What each of them is when left
    /// out, which `PATCH /devices/{id}/sensors/{sensor}` sets.
    #[param(value_type = Kind, required = false)]
    kind: (),
    /// `all` makes one result of all series.
    #[param(value_type = Group, required = false)]
    group: (),
    /// `omit` leaves out buckets without readings: each series then has its own times.
    #[param(value_type = Empty, required = false)]
    empty: (),
    /// Maximum number of series, up to 10,000; required when more than 1,000 match.
    #[param(value_type = usize, minimum = 1, maximum = 10000, required = false)]
    limit: (),
    /// `next` of the previous answer.
    #[param(value_type = String, required = false)]
    cursor: (),
}

/// What is asked.
#[derive(Debug)]
pub(in crate::http) struct AskQuery(Checked);

impl FromParams for AskQuery {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let group = match params.one("group")?.as_deref() {
            None => None,
            Some("none") => Some(Group::None),
            Some("all") => Some(Group::All),
            Some(other) => {
                return Err(ApiError::invalid("group", format!("`{other}` is not a group: write none or all")));
            }
        };
        let empty = match params.one("empty")?.as_deref() {
            None => None,
            Some("keep") => Some(Empty::Keep),
            Some("omit") => Some(Empty::Omit),
            Some(other) => return Err(ApiError::invalid("empty", format!("`{other}` is neither keep nor omit"))),
        };
        let query = NewQuery {
            empty,
            device: params.all("device"),
            sensor: params.all("sensor"),
            from: params.one("from")?.map(Time::Text),
            to: params.one("to")?.map(Time::Text),
            points: params.parsed("points", "a number")?,
            every: params.one("every")?,
            tz: params.one("tz")?,
            agg: params.all("agg"),
            kind: params.one("kind")?.map(|kind| Kind::named("kind", &kind)).transpose()?,
            label: params.all("label"),
            group,
            limit: params.parsed("limit", "a number")?,
            cursor: params.one("cursor")?,
        };
        check(query, params.now()).map(Self)
    }
}

/// Runs one query.
#[utoipa::path(get, path = "/api/v1/query", tag = "readings", params(SelectorParams, QueryParams),
    responses((status = 200, body = QueryResult), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(in crate::http) async fn one(
    State(store): State<Store>,
    State(history): State<History>,
    MayReadSome(view): MayReadSome,
    making: Making,
    Asked(AskQuery(query)): Asked<AskQuery>,
) -> Result<Pieces, ApiError> {
    history.admits()?;
    let pieces = run(&store, &view, query, &making).await?;
    making.is_made();
    Ok(Pieces { pieces, room: making })
}

/// Runs several queries at once.
#[utoipa::path(post, path = "/api/v1/query", tag = "readings", request_body = QueriesRequest,
    responses((status = 200, body = QueryResults), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(in crate::http) async fn several(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(history): State<History>,
    MayReadSome(view): MayReadSome,
    making: Making,
    Body(request): Body<QueriesRequest>,
) -> Result<Pieces, ApiError> {
    if request.queries.len() > MOST_QUERIES {
        return Err(ApiError::invalid("queries", format!("at most {MOST_QUERIES} queries in one request")));
    }
    history.admits()?;
    let now = clock.wall();
    let check = |index: usize, query| check(query, now).map_err(|error| error.within(&format!("queries[{index}]")));
    // All are checked before the first one runs; the full list of series is made for one query at a time.
    for (index, query) in request.queries.iter().enumerate() {
        check(index, query.clone())?;
    }
    let mut pieces = vec![Bytes::from_static(br#"{"results":["#)];
    for (index, query) in request.queries.into_iter().enumerate() {
        if index > 0 {
            pieces.push(Bytes::from_static(b","));
        }
        let query = check(index, query)?;
        pieces.extend(run(&store, &view, query, &making).await.map_err(|error| inside(error, index))?);
        making.fit();
    }
    making.is_made();
    pieces.push(Bytes::from_static(b"]}"));
    Ok(Pieces { pieces, room: making })
}

/// An error of one of several queries: a field is one of that query.
fn inside(error: ApiError, index: usize) -> ApiError {
    if error.named().is_some() { error.within(&format!("queries[{index}]")) } else { error }
}

fn check(query: NewQuery, now: UnixMillis) -> Result<Checked, ApiError> {
    let to = time("to", query.to, now)?.unwrap_or_else(|| now.plus(1));
    let from = time("from", query.from, now)?.unwrap_or_else(|| to.plus(-3_600_000));
    let (from, to) = in_order(from, to)?;
    let tz = query.tz.as_deref().map_or(Ok(TimeZone::UTC), zone)?;
    let edges = match (query.points, query.every) {
        (Some(_), Some(_)) => return Err(ApiError::invalid("every", "set either `points` or `every`")),
        (points, None) => buckets::by_number(from, to, points.unwrap_or(USUAL_POINTS))?,
        (None, Some(every)) => buckets::by_length(from, to, Every::parse(&every)?, &tz)?,
    };
    if let Some(limit) = query.limit.filter(|limit| !(1..=MOST_SERIES).contains(limit)) {
        return Err(ApiError::invalid("limit", format!("`limit` must be between 1 and {MOST_SERIES}, not {limit}")));
    }
    let (wanted, percentiles) = aggregates(&query.agg)?;
    let Paging { after, .. } = Paging::new(MOST_SERIES, query.cursor.as_deref())?;
    Ok(Checked {
        selector: Selector::new(query.device, query.sensor, &query.label)?,
        edges,
        group: query.group.unwrap_or_default(),
        empty: query.empty.unwrap_or_default(),
        wanted,
        kind: query.kind,
        percentiles,
        limit: query.limit,
        after,
    })
}

/// The time zone of this name.
fn zone(name: &str) -> Result<TimeZone, ApiError> {
    zones::named(name).ok_or_else(|| {
        let own = zones::own().map(|own| format!(" (that of the hub's computer is {own})")).unwrap_or_default();
        ApiError::invalid("tz", format!("`{name}` is not a known time zone: write Europe/Berlin, UTC or +05:30{own}"))
    })
}

/// Which figures are asked for, and the names of the percentiles among them.
fn aggregates(agg: &[String]) -> Result<(Aggregates, Vec<String>), ApiError> {
    let mut names =
        agg.iter().flat_map(|names| names.split(',')).map(str::trim).filter(|name| !name.is_empty()).peekable();
    if names.peek().is_none() {
        return Ok((Aggregates::usual(), Vec::new()));
    }
    let (mut wanted, mut percentiles) = (Aggregates::default(), Vec::<String>::new());
    for name in names {
        match name {
            "count" => wanted.count = true,
            "min" => wanted.min = true,
            "max" => wanted.max = true,
            "avg" => wanted.avg = true,
            "first" => wanted.first = true,
            "last" => wanted.last = true,
            "increase" => wanted.increase = true,
            "rate" => wanted.rate = true,
            _ if percentiles.iter().any(|known| known == name) => {}
            _ => {
                let digits = name.strip_prefix('p').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()));
                let percent = digits.and_then(|digits| digits.parse().ok()).filter(|p| (0.0..=100.0).contains(p));
                let percent = percent.filter(|_| percentiles.len() < MOST_PERCENTILES).ok_or_else(|| {
                    let detail = format!(
                        "`{name}` is not an aggregate: write count, min, max, avg, first, last, increase, rate, or up to \
                         {MOST_PERCENTILES} percentiles such as p50, p95, p99.9"
                    );
                    ApiError::invalid("agg", detail)
                })?;
                wanted.percentiles.push(percent);
                percentiles.push(name.to_owned());
            }
        }
    }
    Ok((wanted, percentiles))
}

/// The text of a query's answer, in pieces.
async fn run(store: &Store, view: &View, query: Checked, making: &Making) -> Result<Vec<Bytes>, ApiError> {
    let (ids, names, next) = find(store, view, &query)?;
    let t: Vec<i64> = query.edges.iter().take(query.edges.len().saturating_sub(1)).map(|edge| edge.0).collect();
    if names.len() * t.len() > MOST_BUCKETS {
        let detail = format!("{} series of {} buckets are too many at once: ask for fewer", names.len(), t.len());
        return Err(ApiError::invalid("limit", detail));
    }
    let omits = query.empty == Empty::Omit;
    let times = if omits && !ids.is_empty() { String::new() } else { query::times(&t) };
    if ids.is_empty() {
        return Ok(query::result(Vec::new(), times, Source::Raw, None, None));
    }
    let group = match query.group {
        Group::None => store::Group::None,
        Group::All => store::Group::All,
    };
    let needs_readings = !query.percentiles.is_empty();
    let percentiles = query.percentiles;
    let asked = store::Query {
        series: ids,
        buckets: store::Buckets { edges: query.edges },
        group,
        wanted: query.wanted,
        kind: query.kind.map(Into::into),
    };
    making.expects(names.len() * t.len() * asked.wanted.columns() * NUMBER_BYTES).await?;
    let (room, is_full) = (making.clone(), Arc::new(AtomicBool::new(false)));
    let no_more = Arc::clone(&is_full);
    let write = move |place: usize, columns| {
        let Some(name) = names.get(place).filter(|_| !no_more.load(Ordering::Relaxed)) else {
            return query::Text::default();
        };
        let text = if omits {
            query::sparse(name, &columns, &percentiles, &t)
        } else {
            query::series(name, &columns, &percentiles)
        };
        if room.has_room_for(text.len()) {
            return text;
        }
        no_more.store(true, Ordering::Relaxed);
        query::Text::default()
    };
    let answer = store.aggregate_into(asked, write).await?;
    if is_full.load(Ordering::Relaxed) {
        return Err(making.refused());
    }
    let source = match answer.tier {
        Tier::Raw => Source::Raw,
        Tier::Minute => Source::Minute,
        Tier::Hour => Source::Hour,
    };
    let needed = (needs_readings && source != Source::Raw).then_some(query::NEED_READINGS);
    let notes: Vec<&str> = needed.into_iter().chain(answer.cut.then_some(query::CUT)).collect();
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Ok(query::result(answer.results, times, source, next.as_deref(), note.as_deref()))
}

/// Series, what each result is called, and where to go on.
type Meant = (Vec<SeriesId>, Vec<Name>, Option<String>);

fn find(store: &Store, view: &View, query: &Checked) -> Result<Meant, ApiError> {
    let catalog = store.catalog();
    let mut found = query.selector.series(&catalog, view);
    let key = |(device, series): &(&Device, &Series)| format!("{}\0{}", device.name, series.sensor);
    if let Some(after) = &query.after {
        found.drain(..found.partition_point(|one| key(one) <= *after));
    }
    let limit = query.limit.unwrap_or(USUAL_SERIES);
    let mut next = None;
    if found.len() > limit {
        // The figures of a part are not those of the whole, and a caller who set no limit may not know of the usual one.
        if query.group == Group::All || query.limit.is_none() {
            let detail = format!("{} series match: set `limit`, up to {MOST_SERIES}, or ask for fewer", found.len());
            return Err(ApiError::invalid("limit", detail));
        }
        found.truncate(limit);
        next = found.last().map(|last| cursor(&key(last)));
    }
    let ids = found.iter().map(|(_, series)| series.id).collect();
    let names = found.iter().map(|(device, series)| Name {
        device: device.id.to_string(),
        sensor: series.sensor.clone(),
        unit: series.unit.clone(),
    });
    let names = match query.group {
        Group::None => names.collect(),
        Group::All => names.reduce(together).into_iter().collect(),
    };
    Ok((ids, names, next))
}

/// The name of two series taken together: what they share.
fn together(a: Name, b: Name) -> Name {
    let shared = |a: String, b: String, else_: &str| if a == b { a } else { else_.to_owned() };
    Name {
        device: shared(a.device, b.device, "*"),
        sensor: shared(a.sensor, b.sensor, "*"),
        unit: shared(a.unit, b.unit, ""),
    }
}
