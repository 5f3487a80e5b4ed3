//! `telemetry-hub join-token`: tokens with which devices join; with a running hub, or before its first start.

use std::time::Duration;

use clap::Subcommand;
use ring::rand::{SecureRandom, SystemRandom};
use wire::handshake::{JoinToken, join_psk};

use super::arguments::label;
use super::arguments::number;
use super::data::Data;
use super::out::print;
use super::outcome::Outcome;
use super::table::Table;
use super::{out, shown};
use crate::clock::Clock;
use crate::model::device::Labels;
use crate::model::join_token;
use crate::store::{NewJoinToken, Store};

/// What to do with join tokens.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Create a join token. It is shown only once
    Create {
        #[command(flatten)]
        data: Data,
        /// Number of devices that may join with the token
        #[arg(long, default_value_t = 1, value_parser = uses)]
        uses: u32,
        /// Time until it stops working
        #[arg(long, default_value = "24h", value_parser = join_token::life)]
        expires: Duration,
        /// Label for devices that join with it, key=value; repeatable
        #[arg(long, value_parser = label)]
        label: Vec<(String, String)>,
        /// Name to recognise it by
        #[arg(long, default_value = "command line")]
        name: String,
    },
    /// List tokens, without their secrets
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Revoke a token; devices that joined with it stay
    Revoke {
        #[command(flatten)]
        data: Data,
        /// Number or id as listed
        id: String,
    },
}

/// Reads how many devices a token admits.
pub(super) fn uses(text: &str) -> Result<u32, String> {
    let number = text.parse().map_err(|_| format!("`{text}` is not a whole number such as 1 or 50"))?;
    join_token::check_uses(number)
}

/// Makes a token.
pub(super) async fn make(
    store: &Store,
    name: String,
    uses: u32,
    expires: Duration,
    labels: Labels,
) -> anyhow::Result<JoinToken> {
    let now = Clock.wall();
    let mut secret = [0; 16];
    SystemRandom::new().fill(&mut secret).map_err(|_| anyhow::anyhow!("no randomness from the operating system"))?;
    let expires_at = now.plus(i64::try_from(expires.as_millis()).unwrap_or(i64::MAX));
    let new = NewJoinToken { psk: join_psk(&secret), name, uses, labels, expires_at };
    Ok(JoinToken::new(store.create_join_token(new, now).await?.id, secret))
}

pub(super) async fn run(action: Action) -> Outcome {
    match action {
        Action::Create { data, uses, expires, label, name } => {
            let store = data.open_or_prepare()?;
            let token = make(&store, name, uses, expires, label.into_iter().collect()).await?;
            store.close().await?;
            print(token);
        }
        Action::List { data } => {
            let store = data.open()?;
            let mut table = Table::new(["ID", "USES LEFT", "EXPIRES", "NAME"]);
            for token in store.join_tokens(Clock.wall()).await? {
                let (id, uses) = (format!("jtk_{}", token.id), token.uses_left.to_string());
                table.row([id, uses, shown::moment(token.expires_at), shown::name(&token.name)]);
            }
            out::write(&table.text());
            store.close().await?;
        }
        Action::Revoke { data, id } => {
            let id = number(&id, "jtk_")?;
            let store = data.open()?;
            store.revoke_join_token(id).await?;
            store.close().await?;
        }
    }
    Ok(())
}
