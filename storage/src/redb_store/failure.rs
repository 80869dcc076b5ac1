//! What redb and the file system say, in the words of the door.

use std::io::ErrorKind;
use std::path::Path;

use redb::{DatabaseError, StorageError};

use crate::error::StoreError;

/// Why a transaction did not get as far as its commit.
pub(super) enum Failure {
    /// The request was refused; the file is fine.
    Refused(StoreError),
    /// redb failed. Any I/O error is fatal to its handle.
    Broken(redb::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<redb::TransactionError> for Failure {
    fn from(error: redb::TransactionError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<redb::TableError> for Failure {
    fn from(error: redb::TableError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Broken(error.into())
    }
}

impl Failure {
    /// The error of a read.
    pub(super) fn of_reading(self) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Broken(error) => {
                StoreError::Io { what: "cannot read the store".into(), why: error.to_string() }
            }
        }
    }
}

/// The error of the file system about a path.
pub(super) fn io_error(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io { what: path.display().to_string(), why: error.to_string() }
}

/// The error that `path` is no store.
pub(super) fn foreign(path: &Path, why: impl Into<String>) -> StoreError {
    StoreError::Foreign { path: path.display().to_string(), why: why.into() }
}

/// The error that `path` is in use.
pub(super) fn locked(path: &Path) -> StoreError {
    StoreError::Locked { path: path.display().to_string() }
}

/// The error of opening the file at `path`.
pub(super) fn of_opening(path: &Path, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => locked(path),
        DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => foreign(path, error.to_string()),
            _ => io_error(path, &error),
        },
        other => foreign(path, other.to_string()),
    }
}
