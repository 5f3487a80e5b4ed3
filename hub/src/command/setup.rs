//! Creates and prints the link that sets the first admin password.
//!
//! On a terminal the link has its token. The log of a service may be read by others, so no token is printed there: it
//! is in the data directory (mode 0600).

use std::io::{self, IsTerminal as _};
use std::path::Path;

use super::banner;
use super::banner::note;
use super::outcome::Failure;
use crate::durable;
use crate::links::{self, SETUP_FILE};
use crate::store::Store;

/// A token for the setup link, left in the data directory; `None`, and nothing there, once a password is set.
pub(super) async fn token(store: &Store, data: &Path) -> Result<Option<String>, Failure> {
    let token = links::mint_setup_token(store).await?;
    let file = data.join(SETUP_FILE);
    match &token {
        Some(token) => durable::replace(&file, format!("{token}\n").as_bytes())?,
        None => match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        },
    }
    Ok(token)
}

/// What a start ends with: the links of the page, of which one sets the password if none is set.
pub(super) fn welcome(links: &[String], token: Option<&str>, data: &Path) -> String {
    match token {
        None => open("The hub is running. Open it in a browser:", links, "/", note(links)),
        Some(token) if io::stdout().is_terminal() => {
            let which = if links.len() == 1 { "this link" } else { "one of these links" };
            open(&format!("Open {which} to set the admin password:"), links, &format!("/#setup={token}"), note(links))
        }
        Some(_) => {
            let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
            let how = format!(
                "To set the admin password, open the link that this prints:\ntelemetry-hub open --data {}",
                data.display()
            );
            let lines: Vec<&str> = [note(links), &how].into_iter().filter(|line| !line.is_empty()).collect();
            open("The hub is running. Open it in a browser:", links, "/", &lines.join("\n"))
        }
    }
}

fn open(text: &str, links: &[String], path: &str, note: &str) -> String {
    let links: Vec<String> = links.iter().map(|link| format!("{link}{path}")).collect();
    banner::boxed(text, &links, note)
}
