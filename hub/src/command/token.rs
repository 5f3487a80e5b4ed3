//! `telemetry-hub token`: API tokens; with a running hub, or before its first start.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use ring::rand::{SecureRandom, SystemRandom};

use super::arguments::label;
use super::arguments::number;
use super::data::Data;
use super::out::print;
use super::outcome::{Failure, Outcome};
use super::table::Table;
use super::{out, shown};
use crate::access::ApiToken;
use crate::clock::Clock;
use crate::model::access;
use crate::model::device::Labels;
use crate::model::text::limit;
use crate::model::when::duration;

/// What to do with API tokens.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Create a token. It is shown only once
    Create {
        #[command(flatten)]
        data: Data,
        /// Permissions
        #[arg(long, value_enum)]
        scope: Scope,
        /// Name to recognise it by
        #[arg(long, default_value = "command line")]
        name: String,
        /// Time until it stops working, such as 30d; never when absent
        #[arg(long, value_parser = duration)]
        expires: Option<Duration>,
        /// Limit the token to devices with this label, key=value (scopes ingest, read and write); repeatable: a device needs all of them
        #[arg(long, value_parser = label)]
        label: Vec<(String, String)>,
    },
    /// List tokens, without their secrets
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Revoke a token at once
    Revoke {
        #[command(flatten)]
        data: Data,
        /// Number or id as listed
        id: String,
    },
}

/// `--scope`
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Scope {
    /// Send readings, nothing else
    Ingest,
    /// Read
    Read,
    /// Read, acknowledge and silence alerts, send readings
    Write,
    /// The same, and change rules, silence for longer, add, name and block devices
    Operate,
    /// Full access
    Admin,
}

impl From<Scope> for access::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Ingest => Self::Ingest,
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
            Scope::Operate => Self::Operate,
            Scope::Admin => Self::Admin,
        }
    }
}

pub(super) async fn run(action: Action) -> Outcome {
    match action {
        Action::Create { data, scope, name, expires, label } => {
            let labels = labels(label, scope.into())?;
            create(data, scope, labels, name, expires).await
        }
        Action::List { data } => list(data).await,
        Action::Revoke { data, id } => {
            let id = number(&id, "tok_")?;
            let store = data.open()?;
            store.revoke_token(id).await?;
            store.close().await?;
            Ok(())
        }
    }
}

/// The labels of all `--label`.
fn labels(pairs: Vec<(String, String)>, scope: access::Scope) -> Result<Labels, Failure> {
    let mut labels = Labels::new();
    for (key, value) in pairs {
        if let Some(other) = labels.insert(key.clone(), value.clone()).filter(|other| *other != value) {
            let detail =
                format!("--label {key}={value}: no device can have this and {key}={other}; create a token for each");
            return Err(Failure::Use(detail));
        }
    }
    limit(labels, scope).map_err(|error| Failure::Use(format!("--label: {}", error.detail)))
}

async fn create(data: Data, scope: Scope, labels: Labels, name: String, expires: Option<Duration>) -> Outcome {
    let now = Clock.wall();
    let mut secret = [0; 20];
    SystemRandom::new().fill(&mut secret).map_err(|_| anyhow::anyhow!("no randomness from the operating system"))?;
    let store = data.open_or_prepare()?;
    let expires = expires.map(|after| now.plus(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)));
    let hash = ApiToken { id: 0, secret }.hash();
    let token = store.create_token(name, scope.into(), labels, hash, expires, now).await?;
    store.close().await?;
    print(ApiToken { id: token.id, secret }.text());
    Ok(())
}

async fn list(data: Data) -> Outcome {
    let store = data.open()?;
    let mut table = Table::new(["ID", "SCOPE", "DEVICES", "EXPIRES", "LAST USED", "NAME"]);
    for token in store.tokens().await? {
        let expires = token.expires_at.map_or_else(|| "never".to_owned(), shown::moment);
        let used = token.last_used_at.map_or_else(|| "never".to_owned(), shown::moment);
        let scope = token.scope.word().to_owned();
        let devices = if token.labels.is_empty() { "all".to_owned() } else { shown::name(&token.view().to_string()) };
        table.row([format!("tok_{}", token.id), scope, devices, expires, used, shown::name(&token.name)]);
    }
    store.close().await?;
    out::write(&table.text());
    Ok(())
}
