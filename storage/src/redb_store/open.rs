//! Opening and creating the directory and its file, so that a second opening never trips over half of a first one.

use std::collections::hash_map::RandomState;
use std::fmt::Display;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::BuildHasher;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use redb::{
    Database, DatabaseError, ReadableDatabase, StorageBackend, StorageError, TableDefinition,
    TableError,
};

use super::RedbOptions;
use super::failure::{self, foreign, in_place, io_error, is_about_content, locked};
use super::place::Place;
use super::redo::{self, Redo, Salt};
use crate::directory;
use crate::error::StoreError;
use crate::row::{Mark, Row};
use crate::tables::Table;

/// Where the mark is.
const META: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(Table::Meta.name());
const MARK_KEY: &[u8] = b"mark";

const FILE_NAME: &str = "highwater.redb";
const UNFINISHED_NAME: &str = "highwater.redb.new";
const LOCK_NAME: &str = "highwater.lock";
const REDO_NAME: &str = "highwater.redo";

/// How often a lock that somebody holds is tried, and how long is waited in between: 100 ms in all.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// An open store.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) place: Place,
    /// None beside a file that is only looked at and has none.
    pub(super) redo: Option<Redo>,
    /// Held as long as the store is open, if it is in a directory.
    pub(super) lock: Option<File>,
}

/// Opens the store in `dir`, or creates it.
pub(super) fn open(dir: &Path, options: RedbOptions) -> Result<Opened, StoreError> {
    let path = dir.join(FILE_NAME);
    if !options.create && !path.is_file() {
        return Err(no_store(&dir.display()));
    }
    make_dir(dir)?;
    let lock_path = dir.join(LOCK_NAME);
    let exists = |path: &Path| path.try_exists().map_err(|error| io_error(path, &error));
    // A store has had its lock file from its creation on. Where there is none the file may be another program's, and
    // nothing is put beside it before it is known to be a store.
    let looked_at = exists(&path)? && !exists(&lock_path)?;
    if looked_at && !look_at(&path, options)? {
        // What is mended of it to be looked at stays in memory.
        check_mark(&connect(&Place::unchanged(&path)?, options)?, &path.display())?;
    }
    let lock = lock(&lock_path, &path)?;
    let redo_path = dir.join(REDO_NAME);
    if !exists(&path)? {
        require_no_remains(&redo_path)?;
        create(dir, &path, options)?;
    } else if !looked_at {
        look_at(&path, options)?;
    }
    let place = Place::existing(&path)?;
    let database = connect(&place, options)?;
    let mark = check_mark(&database, &place)?;
    let redo = if exists(&redo_path)? {
        Place::existing(&redo_path)?
    } else {
        redo::require_unused(&database, &redo_path.display())?;
        let redo = Place::created(&redo_path)?;
        directory::sync(dir).map_err(|error| io_error(dir, &error))?;
        redo
    };
    let redo = redo::recovered(&database, &place, redo, options.redo_bytes, salt())?;
    make_current(&database, &mark, &place)?;
    Ok(Opened { database, place, redo: Some(redo), lock: Some(lock) })
}

/// Opens the store in `dir` without changing anything there: what redb writes stays in memory.
pub(super) fn unchanged(dir: &Path, options: RedbOptions) -> Result<Opened, StoreError> {
    let path = dir.join(FILE_NAME);
    if !path.is_file() {
        return Err(no_store(&dir.display()));
    }
    let lock_path = dir.join(LOCK_NAME);
    let lock = match File::open(&lock_path) {
        Ok(lock) => {
            taken(&lock_path, &path, || lock.try_lock_shared())?;
            Some(lock)
        }
        // A copy of the file alone. redb's own lock is enough where nothing is created.
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(io_error(&lock_path, &error)),
    };
    let place = Place::unchanged(&path)?;
    let database = connect(&place, options)?;
    check_mark(&database, &place)?;
    let redo_path = dir.join(REDO_NAME);
    let redo = if redo_path.is_file() {
        let redo = Place::unchanged(&redo_path)?;
        Some(redo::recovered(&database, &place, redo, options.redo_bytes, salt())?)
    } else {
        redo::require_unused(&database, &redo_path.display())?;
        None
    };
    Ok(Opened { database, place, redo, lock })
}

/// Opens the store over a backend and another for its redo log, or makes one of an empty backend.
pub(super) fn over(
    backend: impl StorageBackend,
    redo: impl StorageBackend,
    options: RedbOptions,
) -> Result<Opened, StoreError> {
    let place = Place::new(backend, "the storage backend");
    let redo = Place::new(redo, "the storage backend of the redo log");
    let database = if place.bytes()? > 0 {
        let database = connect(&place, options)?;
        let mark = check_mark(&database, &place)?;
        make_current(&database, &mark, &place)?;
        database
    } else if options.create {
        let database = connect(&place, options)?;
        write_mark(&database, &Mark::CURRENT)
            .map_err(|error| in_place(&format!("cannot create a store in {place}"), &error))?;
        database
    } else {
        return Err(no_store(&place));
    };
    let redo = redo::recovered(&database, &place, redo, options.redo_bytes, salt())?;
    Ok(Opened { database, place, redo: Some(redo), lock: None })
}

fn no_store(place: &impl Display) -> StoreError {
    in_place(place, &"there is no store in this place")
}

fn connect(place: &Place, options: RedbOptions) -> Result<Database, StoreError> {
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache_bytes);
    builder.create_with_backend(place.clone()).map_err(|error| failure::of_opening(place, error))
}

/// Looks at the file without writing to it, so that one that is refused is left as it was. False when it was not closed:
/// it cannot be looked at in this way, redb repairs it first.
fn look_at(path: &Path, options: RedbOptions) -> Result<bool, StoreError> {
    let place = path.display();
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache_bytes);
    match builder.open_read_only(path) {
        Ok(database) => check_mark(&database, &place).map(|_| true),
        Err(DatabaseError::RepairAborted) => Ok(false),
        Err(DatabaseError::Storage(StorageError::Io(error))) if !is_about_content(&error) => {
            Err(io_error(path, &error))
        }
        Err(error) => Err(failure::of_opening(&place, error)),
    }
}

fn make_dir(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    if dir.exists() {
        return Err(foreign(&dir.display(), "it is a file, and a store is a directory"));
    }
    directory::make(dir).map_err(|error| io_error(dir, &error))
}

/// redb locks its file by itself. This lock also covers the time before there is one: of two processes that create
/// the same store, one would otherwise rename its new file over the other's.
fn lock(lock_path: &Path, path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let lock = options.open(lock_path).map_err(|error| io_error(lock_path, &error))?;
    taken(lock_path, path, || lock.try_lock())?;
    Ok(lock)
}

/// Takes a lock, with a little patience: a process that was just forked off holds the locks of its parent until it has
/// become a program of its own, also those of a store that the parent has closed meanwhile.
fn taken(
    lock_path: &Path,
    path: &Path,
    take: impl Fn() -> Result<(), TryLockError>,
) -> Result<(), StoreError> {
    for tries_left in (0..LOCK_TRIES).rev() {
        match take() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(io_error(lock_path, &error)),
            Err(TryLockError::WouldBlock) if tries_left > 0 => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    Err(locked(&path.display(), &lock_path.display()))
}

/// Creates the file under another name and renames it when it is a whole store. What an earlier attempt left under
/// that name is worth nothing.
fn create(dir: &Path, path: &Path, options: RedbOptions) -> Result<(), StoreError> {
    let unfinished = dir.join(UNFINISHED_NAME);
    let removed = || match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error(&unfinished, &error)),
        _ => Ok(()),
    };
    removed()?;
    let created = fill(&unfinished, options);
    if created.is_err() {
        // What is left of it would only take room, which may be what was missing.
        removed()?;
    }
    created?;
    fs::rename(&unfinished, path).map_err(|error| io_error(path, &error))?;
    directory::sync(dir).map_err(|error| io_error(dir, &error))
}

fn fill(unfinished: &Path, options: RedbOptions) -> Result<(), StoreError> {
    let place = Place::created(unfinished)?;
    let database = connect(&place, options)?;
    write_mark(&database, &Mark::CURRENT)
        .map_err(|error| in_place(&"cannot create the store", &error))
}

/// Marks a database as a store.
pub(super) fn write_mark(database: &Database, mark: &Mark) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(MARK_KEY, mark.encoded().as_slice())?;
    Ok(transaction.commit()?)
}

/// A salt that is another one each time and that nobody can guess.
fn salt() -> Salt {
    let halves = [0_u8, 1].map(|half| RandomState::new().hash_one(half).to_le_bytes());
    let mut salt = Salt::default();
    salt[..8].copy_from_slice(&halves[0]);
    salt[8..].copy_from_slice(&halves[1]);
    salt
}

/// Raises the mark of an older layout: a program that does not know the redo log must not open the file from now on.
fn make_current(database: &Database, mark: &Mark, place: &Place) -> Result<(), StoreError> {
    if *mark == Mark::CURRENT {
        return Ok(());
    }
    write_mark(database, &Mark::CURRENT).map_err(|error| in_place(place, &error))
}

/// An error where there is a redo log without its store: a new store beside it would lose what it holds.
fn require_no_remains(redo: &Path) -> Result<(), StoreError> {
    match fs::metadata(redo) {
        Ok(found) if found.len() > 0 => {
            let why =
                format!("its store is missing: put {FILE_NAME} back beside it, or move it away");
            Err(in_place(&redo.display(), &why))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error(redo, &error)),
    }
}

/// The mark of a store that can be opened.
fn check_mark(database: &impl ReadableDatabase, place: &impl Display) -> Result<Mark, StoreError> {
    let unreadable = |error: redb::Error| in_place(place, &error);
    let transaction = database.begin_read().map_err(|error| unreadable(error.into()))?;
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::Storage(error)) => return Err(unreadable(error.into())),
        Err(_) => return Err(foreign(place, "it is a redb database of another program")),
    };
    let Some(mark) = meta.get(MARK_KEY).map_err(|error| unreadable(error.into()))? else {
        return Err(foreign(place, "it is a redb database without Highwater's mark"));
    };
    let mark = Mark::decoded(mark.value())
        .map_err(|error| foreign(place, format!("its mark cannot be read: {error}")))?;
    mark.refusal().map_or(Ok(mark), |why| Err(foreign(place, why)))
}
