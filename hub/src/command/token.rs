//! `telemetry-hub token`: API tokens, beside a running hub or before its first start.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use ring::rand::{SecureRandom, SystemRandom};

use super::table::Table;
use super::{Data, Failure, Outcome, out, print, shown};
use crate::access::ApiToken;
use crate::clock::Clock;
use crate::http::dto::text::duration;
use crate::model::access;

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
        Action::Create { data, scope, name, expires } => create(data, scope, name, expires).await,
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

async fn create(data: Data, scope: Scope, name: String, expires: Option<Duration>) -> Outcome {
    let now = Clock.wall();
    let mut secret = [0; 20];
    SystemRandom::new().fill(&mut secret).map_err(|_| anyhow::anyhow!("no randomness from the operating system"))?;
    let store = data.open_or_prepare()?;
    let expires = expires.map(|after| now.plus(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)));
    let token = store.create_token(name, scope.into(), ApiToken { id: 0, secret }.hash(), expires, now).await?;
    store.close().await?;
    print(ApiToken { id: token.id, secret }.text());
    Ok(())
}

async fn list(data: Data) -> Outcome {
    let store = data.open()?;
    let mut table = Table::new(["ID", "SCOPE", "EXPIRES", "LAST USED", "NAME"]);
    for token in store.tokens().await? {
        let expires = token.expires_at.map_or_else(|| "never".to_owned(), shown::moment);
        let used = token.last_used_at.map_or_else(|| "never".to_owned(), shown::moment);
        let scope = token.scope.word().to_owned();
        table.row([format!("tok_{}", token.id), scope, expires, used, shown::name(&token.name)]);
    }
    store.close().await?;
    out::write(&table.text());
    Ok(())
}

/// The number of a row as people write it: `tok_7` or `7`.
pub(super) fn number(text: &str, prefix: &str) -> Result<u64, Failure> {
    let digits = text.strip_prefix(prefix).unwrap_or(text);
    digits.parse().map_err(|_| Failure::Use(format!("'{text}' is not an id such as {prefix}7")))
}
