//! Why readings are not stored, as a client is told.

use axum::http::StatusCode;

use crate::http::error::ApiError;
use crate::ingest::gather::{Part, Refusal, Refused};
use crate::ingest::newcomers::Refusal as NoNewcomer;
use crate::ingest::way::NotStored;

impl From<NotStored> for ApiError {
    fn from(why: NotStored) -> Self {
        match why {
            NotStored::Refused(refused) => refused.into(),
            NotStored::Newcomers(refusal) => refusal.into(),
            NotStored::TooMany => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "these are more readings than the hub can queue (`--ingest-queue`): send them in parts",
            ),
            NotStored::Busy => {
                let detail = "the hub is too busy for more readings: nothing of this was stored, send it again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1)
            }
            NotStored::Deleted => {
                let detail = "a device was deleted while its readings arrived: send them again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1)
            }
            NotStored::Stopping => Self::stopping(),
            NotStored::Store(error) => error.into(),
        }
    }
}

impl From<NoNewcomer> for ApiError {
    fn from(refusal: NoNewcomer) -> Self {
        let detail = refusal.to_string();
        match refusal {
            NoNewcomer::TooMany { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_new", detail),
            NoNewcomer::TooFast { seconds, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_new", detail).retry_after(seconds)
            }
            NoNewcomer::NoPlace { .. } => Self::new(StatusCode::CONFLICT, "limit", detail),
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
        let detail = refusal.to_string();
        match refusal {
            Refusal::Outside { .. } => Self::forbidden("scope", detail).field("device"),
            Refusal::LikeAnId(_) => Self::invalid("device", detail),
            Refusal::Blocked(_) => Self::conflict("device", detail),
            Refusal::Own { .. } => Self::conflict("sensor", detail),
        }
    }
}
