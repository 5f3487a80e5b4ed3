//! How a command ends, and its output on stdout.

use std::io::Write as _;

/// How a command ends when it does not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong use or configuration: exit code 2.
    Usage(String),
    /// Anything else: exit code 1.
    Failed(String),
    /// What went wrong is the result, and was printed: exit code 1.
    Told,
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<device_agent::config::Error> for Failure {
    fn from(error: device_agent::config::Error) -> Self {
        Self::Usage(error.0)
    }
}

/// Exit code that a shell reports for a program ended by a closed pipe: 128 plus the number of SIGPIPE.
const CLOSED_PIPE: i32 = 141;

/// Writes to stdout. When nobody reads any more the program ends quietly, as `head` wants it.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(CLOSED_PIPE),
        Err(error) => Err(Failure::Failed(format!("writing to stdout: {error}"))),
    }
}
