//! From the errors of the store to the error that callers see.

use highwater_protocol::{Error, Kind};
use highwater_storage::StoreError;

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
