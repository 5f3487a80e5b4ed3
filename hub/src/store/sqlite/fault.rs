//! Translates errors of SQLite into errors of the store.

use rusqlite::ErrorCode;

use crate::store::error::{Error, Fault};

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        // WAL-index growth reports a full disk under its own code (`IOERR_SHMSIZE`) instead of `FULL`.
        const SHM_SIZE: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
        match error.sqlite_error() {
            Some(code) if code.code == ErrorCode::DiskFull || code.extended_code == SHM_SIZE => Self::Full,
            Some(code) if code.code == ErrorCode::OperationInterrupted => Self::Busy("the query took too long"),
            _ => Self::Engine { what: fault(&error), source: Box::new(error) },
        }
    }
}

fn fault(error: &rusqlite::Error) -> Fault {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Damaged,
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed,
        ) => Fault::Failed,
        _ if is_unreadable(error) => Fault::Unreadable,
        _ => Fault::Refused,
    }
}

const fn is_unreadable(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
    )
}

/// The error of SQLite in one of the store, where there is one.
pub(super) fn within(error: &Error) -> Option<&rusqlite::Error> {
    let Error::Engine { source, .. } = error else { return None };
    source.downcast_ref()
}

/// Whether another connection is in the way.
pub(super) fn is_busy(error: &Error) -> bool {
    within(error).is_some_and(|error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
}
