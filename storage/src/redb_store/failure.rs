//! What redb and the file system say, in the words of the door.

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;

use redb::{DatabaseError, StorageError};

use super::place::Place;
use crate::error::StoreError;
use crate::tables::Failure;

/// The error of a read in this place.
pub(super) fn of_reading(failure: Failure, place: &Place) -> StoreError {
    match failure {
        Failure::Refused(error) => error,
        Failure::Broken(error) => in_place(&"cannot read the store", &first(&*error, place)),
    }
}

/// What redb says, or what failed first if it says no more than that something did.
pub(super) fn first(error: &(dyn std::error::Error + 'static), place: &Place) -> String {
    match place.failed() {
        Some(failed) if matches!(error.downcast_ref(), Some(redb::Error::PreviousIo)) => {
            format!("an earlier error left only what is in memory readable: {failed}")
        }
        _ => error.to_string(),
    }
}

/// What the system said, and what to do about it.
pub(super) fn with_advice(error: &io::Error) -> String {
    let advice = match error.kind() {
        _ if is_about_content(error) => return error.to_string(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: free space, then open the store again"
        }
        ErrorKind::FileTooLarge => {
            "the file may not grow any more: raise the limit on the size of files, then open the store again"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only: make it writable, then open the store again"
        }
        ErrorKind::PermissionDenied => {
            "permission is missing: a store has to be readable and writable for the process"
        }
        _ => "see whether the disk is sound, then open the store again",
    };
    format!("{error}: {advice}")
}

/// Whether it says what the file holds, and not what the system refused.
pub(super) fn is_about_content(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

/// The error of the file system about a path.
pub(super) fn io_error(path: &Path, error: &io::Error) -> StoreError {
    in_place(&path.display(), &with_advice(error))
}

/// The error that something went wrong with what is at `place`.
pub(super) fn in_place(place: &impl Display, why: &impl Display) -> StoreError {
    StoreError::Io { what: place.to_string(), why: why.to_string() }
}

/// The error that what is at `place` is no store.
pub(super) fn foreign(place: &impl Display, why: impl Into<String>) -> StoreError {
    StoreError::Foreign { path: place.to_string(), why: why.into() }
}

/// The error that the store at `place` is in use, which this lock says.
pub(super) fn locked(place: &impl Display, lock: &impl Display) -> StoreError {
    StoreError::Locked { path: format!("{place} (lock: {lock})") }
}

/// The error of opening what is at `place`. An error of the backend says itself where it is.
pub(super) fn of_opening(place: &impl Display, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => locked(place, place),
        DatabaseError::Storage(StorageError::Io(error)) if is_about_content(&error) => {
            foreign(place, error.to_string())
        }
        DatabaseError::Storage(StorageError::Io(error)) => {
            in_place(&"cannot open the store", &error)
        }
        DatabaseError::Storage(StorageError::Corrupted(why)) => {
            foreign(place, format!("it is damaged: {why}; restore a copy"))
        }
        other => foreign(place, other.to_string()),
    }
}
