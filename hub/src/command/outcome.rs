//! How a command ends.

use crate::config;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// It was asked wrongly; exit code 2.
    Use(String),
    /// It went wrong; exit code 1.
    Run(anyhow::Error),
    /// What went wrong is the result, and was printed; exit code 1.
    Told,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast::<config::Error>() {
            Ok(wrong) => Self::Use(wrong.to_string()),
            Err(error) => Self::Run(error),
        }
    }
}

/// The result of every command.
pub type Outcome = Result<(), Failure>;
