//! What of the redo log is not durable in redb when a store is opened is done once more.

use std::fmt::Display;

use redb::{Database, ReadableDatabase, StorageBackend};

use super::super::failure::{self, in_place};
use super::super::place::Place;
use super::super::tables::{Changing, Snapshot};
use super::frame::{self, ALIGNMENT, Frame};
use super::{HEAD, HEAD_BYTES, Redo, Salt, changes};
use crate::error::StoreError;
use crate::row::{Redone, Row};
use crate::tables::{Failure, Read, Table, Write};

/// Where redb says which frames follow what it has, in the table `meta`.
pub(in super::super) const MARK_KEY: &[u8] = b"redo";

/// What whoever gives up a redo log that is lost writes in its place.
const LOST: &[u8] = b"lost";

/// An error when redb knows of a redo log that held what it does not, and that is not where it should be.
pub(in super::super) fn require_unused(
    database: &Database,
    missing: &impl Display,
) -> Result<(), StoreError> {
    let why = "it is missing, and held what was acknowledged last: put it back beside the store. If it is lost, write \
               the word `lost` into a file of this name, and the store opens as it was before that";
    if mark(database)?.in_use { Err(in_place(missing, &why)) } else { Ok(()) }
}

/// Brings a database up to date with its redo log, which is not in use from then on until something is written, with a
/// salt of its own. Changes nothing when nothing is to be done. `store` is where the database is.
pub(in super::super) fn recovered(
    database: &Database,
    store: &Place,
    place: Place,
    max_bytes: u64,
    salt: Salt,
) -> Result<Redo, StoreError> {
    let mark = mark(database)?;
    let bytes = whole(&place)?;
    let length = bytes.len() as u64;
    let frames = if mark.in_use {
        held(&mark, &bytes).map_err(|why| in_place(&place, &why))?
    } else {
        require_no_others(&mark, &bytes).map_err(|why| in_place(&place, &why))?;
        Vec::new()
    };
    let number = frames.last().map_or(mark.number, |last| last.number);
    let (at, in_use) = (HEAD_BYTES as u64, false);
    let (salt, next_salt) = (mark.salt, salt);
    let mut redo = Redo { place, at, length, max_bytes, salt, next_salt, number, in_use };
    if mark.in_use {
        redone(database, &frames, &mut redo).map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::Broken(error) => {
                in_place(&"cannot open the store", &failure::first(&*error, store))
            }
        })?;
    }
    Ok(redo)
}

/// The frames that a log in use holds behind the mark, or why it cannot be that log.
fn held<'b>(mark: &Redone, bytes: &'b [u8]) -> Result<Vec<Frame<'b>>, String> {
    if bytes.trim_ascii() == LOST {
        return Ok(Vec::new());
    }
    if salt_of(bytes) != Some(mark.salt) {
        let why = "it is damaged or of another store, and what was acknowledged last is not known without it: restore \
                   a copy of the whole directory. If it is lost, write the word `lost` into a file of this name, and \
                   the store opens as it was before that";
        return Err(why.into());
    }
    let (_, bytes) = bytes.split_at(HEAD_BYTES);
    let frames = behind(mark, bytes);
    let end: usize = frames.iter().map(Frame::bytes).sum();
    let last = frames.last().map_or(mark.number, |last| last.number);
    match later(bytes.get(end..).unwrap_or_default(), &mark.salt, last) {
        None => Ok(frames),
        Some(_) => Err(format!(
            "what stands at byte {} of it is damaged, or the store is an older copy, and was acknowledged: restore a \
             copy of the whole directory",
            HEAD_BYTES + end
        )),
    }
}

/// An error where a log holds something, of which a store without one knows nothing.
fn require_no_others(mark: &Redone, bytes: &[u8]) -> Result<(), String> {
    let Some(salt) = salt_of(bytes).filter(|salt| *salt != mark.salt) else { return Ok(()) };
    let first = bytes.get(HEAD_BYTES..).unwrap_or_default();
    // A log that was about to come into use when the process died has no frames yet.
    if frame::read(first, &salt, 0).is_none() {
        return Ok(());
    }
    let why = "it is of another store, or of a later time of this one, and what it holds is not in this one: put the \
               store that it belongs to beside it, or move it away";
    Err(why.into())
}

/// The salt of a log that has a head.
fn salt_of(bytes: &[u8]) -> Option<Salt> {
    let (head, bytes) = bytes.split_first_chunk()?;
    let salt = bytes.first_chunk().copied()?;
    (*head == HEAD).then_some(salt)
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

/// The frames that follow each other from the beginning on, the first of them what the mark is followed by.
fn behind<'b>(mark: &Redone, mut bytes: &'b [u8]) -> Vec<Frame<'b>> {
    let mut number = mark.number;
    let mut frames = Vec::new();
    while let Some(frame) = frame::read(bytes, &mark.salt, number + 1) {
        if frame.number != number + 1 {
            break;
        }
        number = frame.number;
        bytes = bytes.get(frame.bytes()..).unwrap_or_default();
        frames.push(frame);
    }
    frames
}

/// Where a frame with a number behind this one begins. What a crash has torn is the last that was written; behind it
/// stand frames of before the log began anew, whose numbers are lower.
fn later(bytes: &[u8], salt: &Salt, number: u64) -> Option<usize> {
    let mut starts = (0..bytes.len()).step_by(ALIGNMENT);
    starts.find(|at| frame::read(&bytes[*at..], salt, number + 1).is_some())
}

/// Does the frames once more, and makes them durable in redb, which has all of the log then.
fn redone(database: &Database, frames: &[Frame<'_>], redo: &mut Redo) -> Result<(), Failure> {
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
    let mark = redo.unused().encoded();
    tables.put(Table::Meta, MARK_KEY, &mark)?;
    drop(tables);
    transaction.commit().map_err(|error| broken(error.into()))
}
