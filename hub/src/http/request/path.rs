//! Ids and names in paths. An id that cannot be is one that does not exist: 404, saying what ids look like.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::text::{Numbered, parse_id};
use crate::http::error::ApiError;
use crate::model::DeviceId;

/// The numbered id in the path.
#[derive(Debug)]
pub(in crate::http) struct Id<T>(pub T);

impl<T: Numbered, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let text = segment(parts).await?;
        parse_id(&text).map(Self).map_err(ApiError::not_found)
    }
}

/// The device id in the path.
#[derive(Debug)]
pub(in crate::http) struct InPath(pub DeviceId);

impl<S: Send + Sync> FromRequestParts<S> for InPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let text = segment(parts).await?;
        device(&text).map(Self)
    }
}

/// The device id and the sensor's name in the path.
#[derive(Debug)]
pub(in crate::http) struct SensorInPath(pub DeviceId, pub String);

impl<S: Send + Sync> FromRequestParts<S> for SensorInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let (id, sensor): (String, String) = segments(parts).await?;
        device(&id).map(|id| Self(id, sensor))
    }
}

/// The name in the path, whatever it says.
#[derive(Debug)]
pub(in crate::http) struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        segment(parts).await.map(Self)
    }
}

fn device(text: &str) -> Result<DeviceId, ApiError> {
    text.parse().map_err(|error| ApiError::not_found(format!("there is no device `{text}`: {error}")))
}

async fn segment(parts: &mut Parts) -> Result<String, ApiError> {
    segments(parts).await
}

async fn segments<T: serde::de::DeserializeOwned + Send>(parts: &mut Parts) -> Result<T, ApiError> {
    let Path(text) = Path::from_request_parts(parts, &())
        .await
        .map_err(|rejection| ApiError::not_found(format!("the path cannot be read: {rejection}")))?;
    Ok(text)
}
