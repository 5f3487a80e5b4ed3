//! Parameters as Prometheus takes them: in the query string or, by POST, as a form.

use axum::body::to_bytes;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::Method;

use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::http::request::params::{Params, form, pairs};
use crate::model::{UnixMillis, when};
use crate::promql::{Error, Grid, LONGEST, MOST_STEPS, Matcher, Question, duration};

/// Longest form, in bytes: a question, each character of which may be spelled in three.
const FORM_BYTES: usize = 4 * LONGEST;

/// What can be asked.
pub(super) trait FromForm: Sized {
    /// Takes the parameters that it knows.
    ///
    /// # Errors
    /// [`ApiError::invalid`] naming the parameter.
    fn from_form(params: &mut Params) -> Result<Self, ApiError>;
}

/// The parameters as `T`; others are passed over.
pub(super) struct Given<T>(pub(super) T);

impl<T: FromForm, S: Send + Sync> FromRequest<S> for Given<T>
where
    Clock: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let mut pairs = pairs(request.uri())?;
        if request.method() == Method::POST {
            let body = to_bytes(request.into_body(), FORM_BYTES).await;
            let body =
                body.map_err(|_| ApiError::invalid("query", format!("a form has at most {FORM_BYTES} bytes")))?;
            let wrong = || ApiError::invalid("query", "the body is no form: send it as `query=...&time=...`");
            pairs.extend(form(&body).ok_or_else(wrong)?);
        }
        T::from_form(&mut Params::of(pairs, Clock::from_ref(state).wall())).map(Self)
    }
}

/// A question at one moment.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskOnce {
    /// The question, in PromQL.
    #[param(value_type = String)]
    pub(super) query: Question,
    /// The moment: seconds since 1970, or RFC 3339; now when left out.
    #[param(value_type = String, required = false, rename = "time")]
    pub(super) grid: Grid,
}

impl FromForm for AskOnce {
    fn from_form(params: &mut Params) -> Result<Self, ApiError> {
        let at = moment(params, "time")?.unwrap_or_else(|| params.now());
        Ok(Self { query: question(params)?, grid: Grid::instant(at.0) })
    }
}

/// A question at many moments.
pub(super) struct AskRange {
    pub(super) query: Question,
    pub(super) grid: Grid,
}

/// The parameters of [`AskRange`], for the contract.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters")]
pub(super) struct RangeParams {
    /// The question, in PromQL.
    query: String,
    /// The first moment: seconds since 1970, or RFC 3339.
    start: String,
    /// The last.
    end: String,
    /// From one to the next: seconds, or a duration such as `5m`; at most 11,000 moments.
    step: String,
}

impl FromForm for AskRange {
    fn from_form(params: &mut Params) -> Result<Self, ApiError> {
        let start = Params::required("start", moment(params, "start")?)?;
        let end = Params::required("end", moment(params, "end")?)?;
        if end < start {
            return Err(ApiError::invalid("end", "`end` must not be before `start`"));
        }
        let step = Params::required("step", params.one("step")?)?;
        let wrong = || {
            let detail = format!("`{step}` is not a step: write seconds, or a duration such as 5m, above 0");
            ApiError::invalid("step", detail)
        };
        let step = duration(&step).filter(|step| *step > 0).ok_or_else(wrong)?;
        if (end.0 - start.0) / step >= MOST_STEPS as i64 {
            let detail = format!(
                "exceeded maximum resolution of {MOST_STEPS} points per timeseries: ask for a longer `step` or a shorter range"
            );
            return Err(ApiError::invalid("step", detail));
        }
        Ok(Self { query: question(params)?, grid: Grid::range(start.0, end.0, step) })
    }
}

/// Which series.
#[derive(Debug)]
pub(super) struct AskSeries {
    /// Matchers of each selector.
    pub(super) selectors: Vec<Vec<Matcher>>,
}

/// The parameters of [`AskSeries`], for the contract.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters")]
pub(super) struct SeriesParams {
    /// A selector, such as `temperature{device="cellar"}`; repeat it for several.
    #[param(rename = "match[]", required = false)]
    selectors: Vec<String>,
}

impl FromForm for AskSeries {
    fn from_form(params: &mut Params) -> Result<Self, ApiError> {
        let selectors = params.all("match[]").into_iter().map(|text| Question::parse(&text)?.matchers());
        let selectors = selectors.collect::<Result<_, Error>>().map_err(|error| in_field("match[]", error))?;
        Ok(Self { selectors })
    }
}

/// Which metric.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskMetric {
    /// A name; all when left out.
    #[param(required = false)]
    pub(super) metric: Option<String>,
    /// How many at most.
    #[param(required = false)]
    pub(super) limit: Option<usize>,
}

impl FromForm for AskMetric {
    fn from_form(params: &mut Params) -> Result<Self, ApiError> {
        Ok(Self { metric: params.one("metric")?, limit: params.parsed("limit", "a number")? })
    }
}

fn question(params: &mut Params) -> Result<Question, ApiError> {
    let text = Params::required("query", params.one("query")?)?;
    Question::parse(&text).map_err(|error| in_field("query", error))
}

fn in_field(field: &str, error: Error) -> ApiError {
    ApiError::from(error).field(field)
}

/// Seconds since 1970, or RFC 3339.
fn moment(params: &mut Params, name: &str) -> Result<Option<UnixMillis>, ApiError> {
    let Some(text) = params.one(name)? else { return Ok(None) };
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 1e11);
    if let Some(seconds) = seconds {
        return Ok(Some(UnixMillis((seconds * 1e3).round() as i64)));
    }
    let wrong = || {
        let detail = format!("`{text}` is not a moment: write seconds since 1970, or 2026-11-30T10:00:00Z");
        ApiError::invalid(name, detail)
    };
    when::time(&text, params.now()).map(Some).map_err(|_| wrong())
}
