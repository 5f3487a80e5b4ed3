//! The picture of an alert: the readings around it as a line, its limit, its beginning and its end, drawn by the hub.
//!
//! ```text
//!   store ──▶ view: what is drawn ──▶ scene: lines, areas, texts ──▶ raster: PNG
//!                                                               └──▶ svg
//! ```
//!
//! For chats and mail programs, which show a picture and no page: 800 by 400 points, dark on light, with the words in it. Drawing
//! takes some milliseconds of a core, so it is not done on a thread that serves others.

mod raster;
mod readings;
mod scene;
mod svg;
mod ticks;
mod view;

use jiff::tz::TimeZone;

pub use self::view::View;
use crate::model::UnixMillis;
use crate::model::alert::Alert;
use crate::model::explain::around;
use crate::model::reading::SeriesId;
use crate::model::rule::{Condition, Part};
use crate::model::{called, shown};
use crate::store::{Result, Store};

/// What the picture of an alert shows at `now`; `None` of one that is not about a sensor, or whose device is gone.
///
/// # Errors
/// Those of a query.
pub async fn of(store: &Store, alert: &Alert, zone: TimeZone, now: UnixMillis) -> Result<Option<View>> {
    let Some((title, what, unit, series)) = names(store, alert) else { return Ok(None) };
    let (from, to) = around(alert, now);
    let (points, spark) = readings::around(store, series, alert, (from, to)).await?;
    let limits = limits(store, alert).await?;
    Ok(Some(View {
        title,
        what,
        unit,
        points,
        spark,
        limit: limits.0,
        clear: limits.1,
        severity: alert.severity,
        range: (from, to),
        began: alert.started_at,
        fired: alert.fired_at,
        ended: alert.resolved_at,
        zone,
    }))
}

impl View {
    /// As a file in the format PNG.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        raster::png(&scene::of(self))
    }

    /// As a file in the format SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        svg::text(&scene::of(self), &self.alt())
    }
}

/// The picture, and what it is of in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// A file in the format PNG.
    pub png: Vec<u8>,
    /// For those who do not see it.
    pub alt: String,
}

/// Draws what a view shows, on a thread of its own.
///
/// # Errors
/// [`crate::store::Error::Closed`] where the program ends.
pub async fn draw(view: View) -> Result<Picture> {
    let drawn = tokio::task::spawn_blocking(move || Picture { png: view.png(), alt: view.alt() }).await;
    drawn.map_err(|_| crate::store::Error::Closed)
}

/// What stands above the picture, and the series that it shows.
fn names(store: &Store, alert: &Alert) -> Option<(String, String, String, SeriesId)> {
    let catalog = store.catalog();
    let series = alert.series()?;
    let names = alert.names(&catalog);
    catalog.series(series)?;
    let title = format!("{} on {}", shown::name(&alert.rule_name), shown::name(names.device));
    Some((title, called::sensor(names.sensor), names.unit.to_owned(), series))
}

/// The limit and the clear value, where they can be drawn beside the readings: a rate or a deviation is no reading.
async fn limits(store: &Store, alert: &Alert) -> Result<(Option<f64>, Option<f64>)> {
    let kept = store.explanation(alert.id).await?;
    let version = kept.and_then(|kept| kept.rule_version);
    let rule = match version {
        Some(version) => store.rule_version(alert.rule, version).await.ok(),
        None => store.rule(alert.rule).await.ok(),
    };
    let of = |condition: &Condition| match condition {
        Condition::Threshold { value, clear, .. }
        | Condition::Figure { value, clear, .. }
        | Condition::Forecast { value, clear, .. } => Some((Some(*value), *clear)),
        Condition::Rate { .. }
        | Condition::Increase { .. }
        | Condition::Deviation { .. }
        | Condition::Stuck { .. }
        | Condition::Seasonal { .. }
        | Condition::Difference { .. }
        | Condition::Joined { .. }
        | Condition::Count { .. }
        | Condition::Silence { .. }
        | Condition::Device(_) => None,
    };
    let limits = rule.and_then(|rule| {
        if let Condition::Joined { parts, .. } = &rule.spec.condition {
            let own = |part: &&Part| part.sensor.is_none();
            return parts.iter().filter(own).find_map(|part| of(&part.condition));
        }
        of(&rule.spec.condition)
    });
    Ok(limits.unwrap_or_default())
}
