//! From the errors of the store to the error that callers see.

use highwater_protocol::{Error, Kind};
use highwater_storage::StoreError;
use highwater_storage::export::ExportError;

/// What a caller should do about an error of the store.
pub(crate) fn of_store(error: &StoreError) -> Error {
    let kind = match error {
        StoreError::Busy(_) => Kind::Retry,
        StoreError::Unknown(_) => Kind::Unknown,
        StoreError::Locked { .. } => Kind::Locked,
        StoreError::Foreign { .. } | StoreError::Damaged { .. } => Kind::Corrupt,
        StoreError::NoSession(_) => Kind::NotFound,
        StoreError::Invalid(_) => Kind::Invalid,
        StoreError::Io { .. } => Kind::Storage,
    };
    Error::new(kind, error.to_string())
}

/// What a caller should do about an export or a restore that failed.
pub(crate) fn of_export(error: &ExportError) -> Error {
    let kind = match error {
        ExportError::Store(error) => return of_store(error),
        ExportError::Refused { .. } => Kind::Corrupt,
        ExportError::Io { .. } => Kind::Storage,
        ExportError::NoCheckpoint(_) => Kind::NotFound,
        ExportError::OtherHistory { .. } | ExportError::Occupied { .. } => Kind::Conflict,
    };
    Error::new(kind, error.to_string())
}
