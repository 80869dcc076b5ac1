//! What of the redo log is not durable in redb when a store is opened is done once more.

use std::collections::BTreeMap;
use std::fmt::Display;

use redb::{Database, ReadableDatabase, StorageBackend};

use super::super::failure::{self, in_place};
use super::super::place::Place;
use super::super::rows::Rows;
use super::super::tables::{Opened, Snapshot};
use super::frame::{self, ALIGNMENT, Frame};
use super::{HEAD, HEAD_BYTES, Redo, Salt, changes};
use crate::error::StoreError;
use crate::row::{Redone, Row};
use crate::tables::{Failure, Read, Table};

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
    let (at, in_use) = (0, false);
    let (salt, next_salt) = (mark.salt, salt);
    let frame = Vec::new();
    let mut redo = Redo { place, at, length, max_bytes, salt, next_salt, number, in_use, frame };
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
    let frames = frames(bytes, &mark.salt, mark.number + 1);
    for (expected, found) in (mark.number + 1..).zip(frames.keys()) {
        if *found != expected {
            return Err(format!(
                "its frame {expected} is damaged, or the store is an older copy, and was acknowledged: restore a copy of \
                 the whole directory"
            ));
        }
    }
    Ok(frames.into_values().collect())
}

/// An error where a log holds something, of which a store without one knows nothing.
fn require_no_others(mark: &Redone, bytes: &[u8]) -> Result<(), String> {
    let Some(salt) = salt_of(bytes).filter(|salt| *salt != mark.salt) else { return Ok(()) };
    // A log that was about to come into use when the process died has no frames yet.
    if frames(bytes, &salt, 0).is_empty() {
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

/// The frames of a log from a number on, by their numbers, wherever they stand. What a crash has torn is the last that was
/// written. Between them stand frames of before, whose numbers are lower, and parts of such.
fn frames<'b>(bytes: &'b [u8], salt: &Salt, least: u64) -> BTreeMap<u64, Frame<'b>> {
    let mut rest = bytes.get(HEAD_BYTES..).unwrap_or_default();
    let mut frames = BTreeMap::new();
    while !rest.is_empty() {
        let frame = frame::read(rest, salt, least);
        let bytes = frame.as_ref().map_or(ALIGNMENT, Frame::bytes);
        frames.extend(frame.map(|frame| (frame.number, frame)));
        rest = rest.get(bytes..).unwrap_or_default();
    }
    frames
}

/// Does the frames once more, and makes them durable in redb, which has all of the log then.
fn redone(database: &Database, frames: &[Frame<'_>], redo: &mut Redo) -> Result<(), Failure> {
    let mut rows = Rows::default();
    for frame in frames {
        if changes::read(frame.body, &mut rows).is_none() {
            let why = format!("its frame {} is none that this version can read", frame.number);
            return Err(in_place(&redo.place, &why).into());
        }
    }
    rows.set(Table::Meta, MARK_KEY, Some(&redo.unused().encoded()));
    written(database, &rows).map_err(|error| Failure::Broken(Box::new(error)))
}

fn written(database: &Database, rows: &Rows) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Opened::of(&transaction).put_all(rows)?;
    Ok(transaction.commit()?)
}
