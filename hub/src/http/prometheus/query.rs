//! Questions: at one moment, and over a range of them.

use axum::extract::State;
use bytes::Bytes;

use super::answer::{Answered, Worth, text};
use super::ask::{AskOnce, AskRange, Given, RangeParams};
use super::stored::Stored;
use super::words::NotAnswered;
use crate::http::error::ApiError;
use crate::http::gate::auth::MayAskSome;
use crate::http::gate::history::History;
use crate::http::request::answers::Making;
use crate::http::request::pieces::Pieces;
use crate::promql::{Grid, Question};
use crate::store::Store;

/// Room that is taken before it is known how large an answer is.
const LIKELY: usize = 256 << 10;

/// What a question in PromQL is worth at one moment, as Prometheus 2.42 would answer it with the same readings.
#[utoipa::path(get, path = "/prometheus/api/v1/query", tag = "prometheus", params(AskOnce),
    responses((status = 200, body = Answered<Worth>), (status = 400, body = NotAnswered), (status = 422, body = NotAnswered),
        (status = 503, body = NotAnswered)))]
pub(super) async fn at_once(
    store: State<Store>,
    history: State<History>,
    view: MayAskSome,
    making: Making,
    Given(asked): Given<AskOnce>,
) -> Result<Pieces, ApiError> {
    answer(store, history, view, making, (asked.query, asked.grid), false).await
}

/// The same, with its parameters as a form.
#[utoipa::path(post, path = "/prometheus/api/v1/query", tag = "prometheus", params(AskOnce),
    responses((status = 200, body = Answered<Worth>), (status = 400, body = NotAnswered), (status = 422, body = NotAnswered),
        (status = 503, body = NotAnswered)))]
pub(super) async fn at_once_by_form(
    store: State<Store>,
    history: State<History>,
    view: MayAskSome,
    making: Making,
    form: Given<AskOnce>,
) -> Result<Pieces, ApiError> {
    at_once(store, history, view, making, form).await
}

/// What a question in PromQL is worth at each moment from `start` to `end`.
#[utoipa::path(get, path = "/prometheus/api/v1/query_range", tag = "prometheus", params(RangeParams),
    responses((status = 200, body = Answered<Worth>), (status = 400, body = NotAnswered), (status = 422, body = NotAnswered),
        (status = 503, body = NotAnswered)))]
pub(super) async fn over_time(
    store: State<Store>,
    history: State<History>,
    view: MayAskSome,
    making: Making,
    Given(asked): Given<AskRange>,
) -> Result<Pieces, ApiError> {
    answer(store, history, view, making, (asked.query, asked.grid), true).await
}

/// The same, with its parameters as a form.
#[utoipa::path(post, path = "/prometheus/api/v1/query_range", tag = "prometheus", params(RangeParams),
    responses((status = 200, body = Answered<Worth>), (status = 400, body = NotAnswered), (status = 422, body = NotAnswered),
        (status = 503, body = NotAnswered)))]
pub(super) async fn over_time_by_form(
    store: State<Store>,
    history: State<History>,
    view: MayAskSome,
    making: Making,
    form: Given<AskRange>,
) -> Result<Pieces, ApiError> {
    over_time(store, history, view, making, form).await
}

async fn answer(
    State(store): State<Store>,
    State(history): State<History>,
    MayAskSome(view): MayAskSome,
    room: Making,
    (question, grid): (Question, Grid),
    is_range: bool,
) -> Result<Pieces, ApiError> {
    history.admits()?;
    room.expects(LIKELY).await?;
    let pieces = store.sweep(move |sweeper| work_out(&question, grid, is_range, Stored::new(sweeper, view))).await??;
    if !room.has_room_for(pieces.iter().map(Bytes::len).sum()) {
        return Err(room.refused());
    }
    room.is_made();
    Ok(Pieces { pieces, room })
}

/// The text of an answer.
type Text = Result<Vec<Bytes>, crate::promql::Error>;

fn work_out(question: &Question, grid: Grid, is_range: bool, mut stored: Stored<'_>) -> crate::store::Result<Text> {
    let value = question.answer(grid, is_range, &mut stored);
    let text = value.map(|value| text(&value, grid, is_range));
    stored.settled(text)
}
