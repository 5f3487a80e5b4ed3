//! `telemetry-hub watch`: readings in the terminal as they arrive, over the same WebSocket as the page.

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header::AUTHORIZATION};

use super::remote::Remote;
use super::{Failure, Outcome, asked_to_end, print};
use crate::http::dto::text::moment;
use crate::model::UnixMillis;

/// Flags of `watch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Devices to watch, by id or name
    #[arg(long, value_name = "GLOB", default_value = "*")]
    device: String,
    /// Sensors to watch
    #[arg(long, value_name = "GLOB", default_value = "*")]
    sensor: String,
}

pub(super) async fn run(args: Args) -> Outcome {
    let address = args.remote.hub.trim_end_matches('/').replacen("http", "ws", 1) + "/api/v1/live";
    let mut request =
        address.as_str().into_client_request().map_err(|error| Failure::Use(format!("--hub: {error}")))?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", args.remote.token));
    request.headers_mut().insert(AUTHORIZATION, bearer.map_err(|_| Failure::Use("--token: not a token".to_owned()))?);
    let (mut socket, _) =
        tokio_tungstenite::connect_async(request).await.with_context(|| format!("connecting to {address}"))?;
    let subscribe = json!({"type": "subscribe", "id": 1, "device": args.device, "sensor": args.sensor});
    socket.send(Message::text(subscribe.to_string())).await?;
    let mut ended = std::pin::pin!(asked_to_end());
    loop {
        let message = tokio::select! {
            () = &mut ended => break,
            message = socket.next() => message,
        };
        match message {
            Some(Ok(Message::Text(text))) => show(&serde_json::from_str(&text)?),
            Some(Ok(Message::Close(_))) | None => return Err(anyhow::anyhow!("the hub closed the connection").into()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
    socket.close(None).await?;
    Ok(())
}

fn show(message: &Value) {
    let kind = message["type"].as_str().unwrap_or_default();
    match kind {
        "readings" | "snapshot" => {
            let late = if message["lane"] == "recovered" { "  (recovered)" } else { "" };
            for row in message["rows"].as_array().into_iter().flatten() {
                let at = moment(UnixMillis(row[2].as_i64().unwrap_or_default()));
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                print(format_args!("{at}  {}  {}  {}{late}", text(&row[0]), text(&row[1]), row[3]));
            }
        }
        "alert" if message["alert"].is_object() => {
            let alert = &message["alert"];
            tracing::warn!(
                "alert {} {}: {} {}",
                alert["state"],
                alert["rule"]["name"],
                alert["device_name"],
                alert["sensor"]
            );
        }
        "gap" => tracing::warn!("readings were left out: this terminal is too slow, or the hub was away"),
        "error" => tracing::error!("{}", message["detail"]),
        _ => {}
    }
}
