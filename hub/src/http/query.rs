//! `/query`: many series in buckets of time.

use axum::Json;
use axum::extract::State;

use super::auth::Reader;
use super::body::Body;
use super::buckets::{self, Every};
use super::dto::query::{Group, NewQuery, QueriesRequest, QueryResult, QueryResults, SeriesColumns, Source, Time};
use super::dto::{Problem, text};
use super::error::ApiError;
use super::params::{Asked, FromParams, Params};
use super::readings::in_order;
use super::{AppState, select};
use crate::model::UnixMillis;
use crate::model::glob::Glob;
use crate::model::reading::SeriesId;
use crate::store::{self, Aggregated, Columns, Tier};

/// Series of one query when nothing is said.
const USUAL_SERIES: usize = 1_000;
/// Series of one query at most: it has to be asked for with `limit`.
const MOST_SERIES: usize = 10_000;
/// Numbers of one answer: a hundred megabytes of JSON are nobody's wish.
const MOST_BUCKETS: usize = 2_000_000;
/// Queries of one request.
const MOST_QUERIES: usize = 50;
/// Buckets when neither `points` nor `every` is given.
const USUAL_POINTS: usize = 500;

/// A query that was checked.
#[derive(Debug)]
pub(super) struct Checked {
    device: Vec<Glob>,
    sensor: Vec<Glob>,
    edges: Vec<UnixMillis>,
    group: Group,
    limit: usize,
}

/// The parameters, for the contract: they are read into a [`NewQuery`].
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters")]
struct QueryParams {
    /// Glob over device id and name; repeat it for several; all when left out.
    #[param(value_type = Vec<String>, required = false)]
    device: (),
    /// Glob over sensor names; repeat it for several; all when left out.
    #[param(value_type = Vec<String>, required = false)]
    sensor: (),
    /// Start, included: RFC 3339, epoch milliseconds, or `now-6h`; an hour before `to` when left out.
    #[param(value_type = String, required = false)]
    from: (),
    /// End, not included; now when left out.
    #[param(value_type = String, required = false)]
    to: (),
    /// Number of buckets of equal length; 500 when neither this nor `every` is given.
    #[param(value_type = usize, minimum = 1, maximum = 10000, required = false)]
    points: (),
    /// Length of a bucket: `10s`, `5m`, `1h`, `1d`, `1w`, `1mo`. Buckets are whole and begin at round times.
    #[param(value_type = String, required = false)]
    every: (),
    /// Time zone of days, weeks and months, such as `Europe/Berlin`; UTC when left out.
    #[param(value_type = String, required = false)]
    tz: (),
    /// `all` makes one result of all series.
    #[param(value_type = Group, required = false)]
    group: (),
    /// Series at most; 1,000 when left out, up to 10,000.
    #[param(value_type = usize, minimum = 1, maximum = 10000, required = false)]
    limit: (),
}

/// What is asked.
#[derive(Debug)]
pub(super) struct AskQuery(Checked);

impl FromParams for AskQuery {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let group = match params.one("group")?.as_deref() {
            None => None,
            Some("none") => Some(Group::None),
            Some("all") => Some(Group::All),
            Some(other) => return Err(ApiError::invalid("group", format!("`{other}` is no group: none or all"))),
        };
        let query = NewQuery {
            device: params.all("device"),
            sensor: params.all("sensor"),
            from: params.one("from")?.map(Time::Text),
            to: params.one("to")?.map(Time::Text),
            points: params.parsed("points", "a number")?,
            every: params.one("every")?,
            tz: params.one("tz")?,
            group,
            limit: params.parsed("limit", "a number")?,
        };
        check(query, params.now()).map(Self)
    }
}

/// Asks one query.
#[utoipa::path(get, path = "/api/v1/query", tag = "readings", params(QueryParams),
    responses((status = 200, body = QueryResult), (status = 400, body = Problem)))]
pub(super) async fn one(
    State(app): State<AppState>,
    _: Reader,
    Asked(AskQuery(query)): Asked<AskQuery>,
) -> Result<Json<QueryResult>, ApiError> {
    run(&app, query).await.map(Json)
}

/// Asks several queries at once.
#[utoipa::path(post, path = "/api/v1/query", tag = "readings", request_body = QueriesRequest,
    responses((status = 200, body = QueryResults), (status = 400, body = Problem)))]
pub(super) async fn several(
    State(app): State<AppState>,
    _: Reader,
    Body(request): Body<QueriesRequest>,
) -> Result<Json<QueryResults>, ApiError> {
    if request.queries.len() > MOST_QUERIES {
        return Err(ApiError::invalid("queries", format!("at most {MOST_QUERIES} queries in one request")));
    }
    let now = app.clock.wall();
    let check = |(index, query)| check(query, now).map_err(|error| error.within(&format!("queries[{index}]")));
    let queries = request.queries.into_iter().enumerate().map(check).collect::<Result<Vec<_>, _>>()?;
    let mut results = Vec::with_capacity(queries.len());
    for query in queries {
        results.push(run(&app, query).await?);
    }
    Ok(Json(QueryResults { results }))
}

/// A moment in a body.
pub(super) fn time(field: &str, time: Option<Time>, now: UnixMillis) -> Result<Option<UnixMillis>, ApiError> {
    match time {
        None => Ok(None),
        Some(Time::Millis(millis)) => text::time(&millis.to_string(), now).map(Some),
        Some(Time::Text(text)) => text::time(&text, now).map(Some),
    }
    .map_err(|detail| ApiError::invalid(field, detail))
}

fn check(query: NewQuery, now: UnixMillis) -> Result<Checked, ApiError> {
    let to = time("to", query.to, now)?.unwrap_or_else(|| now.plus(1));
    let from = time("from", query.from, now)?.unwrap_or_else(|| to.plus(-3_600_000));
    let (from, to) = in_order(from, to)?;
    let tz = buckets::zone(query.tz.as_deref())?;
    let edges = match (query.points, query.every) {
        (Some(_), Some(_)) => return Err(ApiError::invalid("every", "give either `points` or `every`")),
        (points, None) => buckets::by_number(from, to, points.unwrap_or(USUAL_POINTS))?,
        (None, Some(every)) => buckets::by_length(from, to, Every::parse(&every)?, &tz)?,
    };
    let limit = query.limit.unwrap_or(USUAL_SERIES);
    if !(1..=MOST_SERIES).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("`limit` is between 1 and {MOST_SERIES}")));
    }
    let globs = |field: &str, patterns: Vec<String>| {
        let all = if patterns.is_empty() { vec!["*".to_owned()] } else { patterns };
        all.into_iter().map(|glob| Ok(Glob::new(&text::glob(field, glob)?))).collect::<Result<Vec<_>, ApiError>>()
    };
    Ok(Checked {
        device: globs("device", query.device)?,
        sensor: globs("sensor", query.sensor)?,
        edges,
        group: query.group.unwrap_or_default(),
        limit,
    })
}

/// What a series is called in the answer.
struct Name {
    device: String,
    sensor: String,
    unit: String,
}

async fn run(app: &AppState, query: Checked) -> Result<QueryResult, ApiError> {
    let (ids, names, truncated) = find(app, &query);
    let t: Vec<i64> = query.edges.iter().take(query.edges.len().saturating_sub(1)).map(|edge| edge.0).collect();
    if names.len() * t.len() > MOST_BUCKETS {
        let detail = format!("{} series of {} buckets are too many at once: ask for fewer", names.len(), t.len());
        return Err(ApiError::invalid("limit", detail));
    }
    let group = match query.group {
        Group::None => store::Group::None,
        Group::All => store::Group::All,
    };
    let answer = if ids.is_empty() {
        Aggregated { columns: Vec::new(), tier: Tier::Raw }
    } else {
        app.store.aggregate(ids, store::Buckets { edges: query.edges }, group).await?
    };
    let source = match answer.tier {
        Tier::Raw => Source::Raw,
        Tier::Minute => Source::Minute,
        Tier::Hour => Source::Hour,
    };
    let series = names.into_iter().zip(answer.columns).map(|(name, columns)| show(name, t.clone(), columns)).collect();
    Ok(QueryResult { series, source, truncated })
}

fn find(app: &AppState, query: &Checked) -> (Vec<SeriesId>, Vec<Name>, bool) {
    let catalog = app.store.catalog();
    let mut found = select::matching(&catalog, &query.device, &query.sensor);
    let truncated = found.len() > query.limit;
    found.truncate(query.limit);
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
    (ids, names, truncated)
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

fn show(name: Name, t: Vec<i64>, columns: Columns) -> SeriesColumns {
    SeriesColumns {
        device: name.device,
        sensor: name.sensor,
        unit: name.unit,
        t,
        count: columns.count,
        min: columns.min,
        max: columns.max,
        avg: columns.avg,
        first: columns.first,
        last: columns.last,
    }
}
