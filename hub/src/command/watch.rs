//! `telemetry-hub watch`: shows readings on the terminal as they arrive, over the same WebSocket as the page.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use tokio_tungstenite::tungstenite::{self, Message};

use super::ending::asked_to_end;
use super::names::Names;
use super::out::{print, tell};
use super::outcome::{Failure, Outcome};
use super::remote::{Link, Remote};
use super::{selection, shown};
use crate::model::{UnixMillis, alert, called};

/// Flags of `watch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Devices to watch, by id or name
    #[arg(long, value_name = "GLOB", default_value = "*")]
    device: String,
    /// Sensors to watch, by their own names (`mem.used_pct`) or as they are shown (Memory used)
    #[arg(long, value_name = "GLOB", default_value = "*")]
    sensor: String,
    /// Print the hub's messages as JSON, one a line; sensors have their own names there
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Outcome {
    let link = args.remote.find().await?;
    let sensors = selection::watched(&link, &args.device, args.sensor).await?;
    let mut socket = connect(&link).await?;
    for (id, sensor) in (1..).zip(&sensors) {
        let subscribe = json!({"type": "subscribe", "id": id, "device": args.device, "sensor": sensor});
        socket.send(Message::text(subscribe.to_string())).await?;
    }
    let mut ended = std::pin::pin!(asked_to_end());
    let mut screen = Screen::default();
    loop {
        let message = tokio::select! {
            () = &mut ended => break,
            message = socket.next() => message,
        };
        match message {
            Some(Ok(Message::Text(text))) if args.json => print(text),
            Some(Ok(Message::Text(text))) => screen.show(&link, &serde_json::from_str(&text)?).await?,
            Some(Ok(Message::Close(_))) | None => return Err(anyhow::anyhow!("the hub closed the connection").into()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
    socket.close(None).await?;
    Ok(())
}

/// By TLS or plain.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

type Socket = WebSocketStream<Box<dyn Stream>>;

async fn reach(link: &Link) -> Result<Box<dyn Stream>, Failure> {
    let url = link.url()?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| link.nobody(error))?;
    if url.scheme() != "https" {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(host).map_err(|error| Failure::Use(format!("--hub {}: {error}", link.base())))?;
    let stream = TlsConnector::from(Arc::new(link.trust())).connect(name, stream).await;
    Ok(Box::new(stream.map_err(|error| link.nobody(error))?))
}

async fn connect(link: &Link) -> Result<Socket, Failure> {
    let address = link.base().replacen("http", "ws", 1) + "/api/v1/live";
    let mut request = address
        .as_str()
        .into_client_request()
        .map_err(|error| Failure::Use(format!("--hub {}: {error}", link.base())))?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", link.token()));
    request.headers_mut().insert(AUTHORIZATION, bearer.map_err(|_| Failure::Use("--token: not a token".to_owned()))?);
    match tokio_tungstenite::client_async(request, reach(link).await?).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) if answer.status() == StatusCode::UNAUTHORIZED => {
            // The same question over REST brings the hub's own words.
            link.get("/hub", &[]).await?;
            Err(Failure::Use("--token: the hub does not accept it".to_owned()))
        }
        Err(tungstenite::Error::Io(error)) => Err(link.nobody(error)),
        Err(error) => Err(error.into()),
    }
}

/// What was shown so far decides how wide the columns are.
#[derive(Debug, Default)]
struct Screen {
    names: Names,
    widths: [usize; 2],
}

impl Screen {
    async fn show(&mut self, link: &Link, message: &Value) -> Result<(), Failure> {
        match message["type"].as_str().unwrap_or_default() {
            "readings" | "snapshot" => {
                let late = if message["lane"] == "recovered" { "  (late)" } else { "" };
                let rows: Vec<_> = message["rows"].as_array().into_iter().flatten().filter_map(row).collect();
                for (device, sensor, ..) in &rows {
                    self.names.learn(link, (device, sensor)).await?;
                }
                // Of all of them first: else each wider name would shift the lines after it.
                rows.iter().for_each(|row| self.make_room(row));
                rows.iter().for_each(|row| self.line(*row, late));
            }
            "alert" if message["alert"].is_object() => alert(&message["alert"]),
            "gap" => tell("some readings were left out: this terminal is too slow, or the connection was lost"),
            "error" => tell(shown::name(message["detail"].as_str().unwrap_or_default())),
            _ => {}
        }
        Ok(())
    }

    fn cells(&self, (device, sensor, ..): &Row<'_>) -> [String; 2] {
        [shown::name(self.names.device(device)), called::sensor(sensor)]
    }

    fn make_room(&mut self, row: &Row<'_>) {
        let cells = self.cells(row);
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = cell.chars().count().max(*width);
        }
    }

    fn line(&self, row: Row<'_>, late: &str) {
        let ([device, sensor], [first, second]) = (self.cells(&row), self.widths);
        let (id, raw, at, value) = row;
        let value = shown::value(value, self.names.unit(id, raw));
        print(format_args!("{}  {device:<first$}  {sensor:<second$}  {value}{late}", shown::time_of_day(at)));
    }
}

type Row<'a> = (&'a str, &'a str, UnixMillis, f64);

fn row(row: &Value) -> Option<Row<'_>> {
    Some((row[0].as_str()?, row[1].as_str()?, UnixMillis(row[2].as_i64()?), row[3].as_f64()?))
}

fn alert(alert: &Value) {
    let text = |value: &Value| shown::name(value.as_str().unwrap_or_default());
    let value = alert["value"].as_f64().map_or_else(String::new, |value| {
        format!(": {}", shown::value(value, alert["unit"].as_str().unwrap_or_default()))
    });
    let rule = &alert["rule"];
    // What is about a whole device, or the hub, has no sensor.
    let name = alert["sensor"].as_str().unwrap_or_default();
    let sensor = called::sensor(name);
    let sensor =
        if rule["id"] == "rul_0" || super::alerts::is_of_device(name) { String::new() } else { format!(" {sensor}") };
    let rule = shown::name(alert::called(rule["name"].as_str().unwrap_or_default()));
    tell(format_args!("alert {}: {rule}, {}{sensor}{value}", text(&alert["state"]), text(&alert["device_name"])));
}
