//! What of the redo log is not durable in redb when a store is opened is done once more.

use std::fmt::Display;

use redb::{Database, ReadableDatabase, StorageBackend};

use super::super::failure::{self, in_place};
use super::super::place::Place;
use super::super::tables::{Changing, Snapshot};
use super::frame::{self, ALIGNMENT, Frame, Link};
use super::{Redo, changes};
use crate::error::StoreError;
use crate::row::{Redone, Row};
use crate::tables::{Failure, Read, Table, Write};

/// Where redb says which frames it has, in the table `meta`.
pub(in super::super) const MARK_KEY: &[u8] = b"redo";

/// An error when redb knows of a redo log that held what it does not, and that is not where it should be.
pub(in super::super) fn require_unused(
    database: &Database,
    missing: &impl Display,
) -> Result<(), StoreError> {
    let why = "it is missing, and held what was acknowledged last: put it back beside the store; with an empty file of \
               this name the store opens as it was before that";
    if mark(database)?.in_use { Err(in_place(missing, &why)) } else { Ok(()) }
}

/// Brings a database up to date with its redo log, which begins anew. Changes nothing when nothing is to be done.
pub(in super::super) fn recovered(
    database: &Database,
    place: Place,
    max_bytes: u64,
) -> Result<Redo, StoreError> {
    let mark = mark(database)?;
    let bytes = whole(&place)?;
    let frames = behind(&mark, &bytes);
    let done = frames.last().map_or((mark.number, mark.link), |last| (last.number, last.link));
    let end: usize = frames.iter().map(Frame::bytes).sum();
    if let Some(at) = later(&bytes[end..], done.0) {
        let why = format!(
            "what stands before byte {} of it is damaged or of another store, and was acknowledged: restore a copy of \
             the whole directory; without this file the store opens as it was before",
            end + at
        );
        return Err(in_place(&place, &why));
    }
    let (number, link) = done;
    let (length, in_use) = (bytes.len() as u64, mark.in_use);
    let redo = Redo { at: 0, length, max_bytes, number, link, in_use, place };
    if !frames.is_empty() {
        redone(database, &frames, &redo)
            .map_err(|failure| failure::of_reading(failure, &redo.place))?;
    }
    Ok(redo)
}

fn mark(database: &Database) -> Result<Redone, StoreError> {
    let unreadable = |why: String| in_place(&"cannot open the store", &why);
    let begun = database.begin_read().map_err(|error| unreadable(error.to_string()))?;
    match Snapshot::of(begun).get(Table::Meta, MARK_KEY, Redone::decoded) {
        Ok(None) => Ok(Redone::default()),
        Ok(Some(Ok(mark))) => Ok(mark),
        Ok(Some(Err(error))) => {
            Err(unreadable(format!("the mark of its redo log cannot be read: {error}")))
        }
        Err(Failure::Refused(error)) => Err(error),
        Err(Failure::Broken(error)) => Err(unreadable(error.to_string())),
    }
}

fn whole(place: &Place) -> Result<Vec<u8>, StoreError> {
    let length = usize::try_from(place.bytes()?).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    place.read(0, &mut bytes).map_err(|error| in_place(&"cannot open the store", &error))?;
    Ok(bytes)
}

/// The frames that follow each other from the beginning of the file on, the first of them what a mark is followed by.
fn behind<'b>(mark: &Redone, mut bytes: &'b [u8]) -> Vec<Frame<'b>> {
    let (mut number, mut link): (u64, Link) = (mark.number, mark.link);
    let mut frames = Vec::new();
    while let Some(frame) = frame::read(bytes) {
        if frame.number != number + 1 || frame.before != link {
            break;
        }
        (number, link) = (frame.number, frame.link);
        bytes = bytes.get(frame.bytes()..).unwrap_or_default();
        frames.push(frame);
    }
    frames
}

/// Where a frame with a number behind this one begins. What a crash has torn is the last that was written; behind it
/// stand frames of before the log began anew, whose numbers are lower.
fn later(bytes: &[u8], number: u64) -> Option<usize> {
    let starts = (0..bytes.len()).step_by(ALIGNMENT);
    starts
        .into_iter()
        .find(|at| frame::read(&bytes[*at..]).is_some_and(|frame| frame.number > number))
}

/// Does the frames once more, and makes them durable in redb with the mark of the last.
fn redone(database: &Database, frames: &[Frame<'_>], redo: &Redo) -> Result<(), Failure> {
    let broken = |error: redb::Error| Failure::Broken(Box::new(error));
    let mut transaction = database.begin_write().map_err(|error| broken(error.into()))?;
    transaction.set_quick_repair(true);
    let mut tables = Changing::of(&transaction);
    for frame in frames {
        if changes::redo(frame.body, &mut tables)?.is_none() {
            let why = format!("its frame {} is none that this version can read", frame.number);
            return Err(in_place(&redo.place, &why).into());
        }
    }
    tables.put(Table::Meta, MARK_KEY, &redo.mark(redo.in_use).encoded())?;
    drop(tables);
    transaction.commit().map_err(|error| broken(error.into()))
}
