//! Opening and creating the directory and its file, so that a second opening never trips over half of a first one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, ReadableDatabase, TableDefinition, TableError};

use super::RedbOptions;
use super::failure::{self, foreign, io_error, locked};
use crate::error::StoreError;
use crate::row::{Mark, Row};

/// The mark and the counter of sessions, by name.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const MARK_KEY: &str = "mark";

const FILE_NAME: &str = "highwater.redb";
const UNFINISHED_NAME: &str = "highwater.redb.new";
const LOCK_NAME: &str = "highwater.lock";

/// An open store file.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) path: PathBuf,
    /// Held as long as the store is open.
    pub(super) lock: File,
}

/// Opens the store in `dir`, or creates it.
pub(super) fn open(dir: &Path, options: RedbOptions) -> Result<Opened, StoreError> {
    let path = dir.join(FILE_NAME);
    if !options.create && !path.is_file() {
        let what = dir.display().to_string();
        return Err(StoreError::Io { what, why: "there is no store in this place".to_owned() });
    }
    make_dir(dir)?;
    let lock = lock(dir, &path)?;
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache_bytes);
    if !path.try_exists().map_err(|error| io_error(&path, &error))? {
        create(&builder, dir, &path)?;
    }
    let database = builder.open(&path).map_err(|error| failure::of_opening(&path, error))?;
    check_mark(&database, &path)?;
    Ok(Opened { database, path, lock })
}

fn make_dir(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    if dir.exists() {
        return Err(foreign(dir, "it is a file, and a store is a directory"));
    }
    fs::create_dir_all(dir).map_err(|error| io_error(dir, &error))?;
    dir.parent().map_or(Ok(()), sync_dir)
}

/// redb locks its file by itself. This lock also covers the time before there is one: of two processes that create
/// the same store, one would otherwise rename its new file over the other's.
fn lock(dir: &Path, path: &Path) -> Result<File, StoreError> {
    let lock_path = dir.join(LOCK_NAME);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let lock = options.open(&lock_path).map_err(|error| io_error(&lock_path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(locked(path)),
        Err(TryLockError::Error(error)) => Err(io_error(&lock_path, &error)),
    }
}

/// Creates the file under another name and renames it when it is a whole store. What an earlier attempt left under
/// that name is worth nothing.
fn create(builder: &Builder, dir: &Path, path: &Path) -> Result<(), StoreError> {
    let unfinished = dir.join(UNFINISHED_NAME);
    let cannot = |error: &dyn std::error::Error| StoreError::Io {
        what: format!("cannot create {}", path.display()),
        why: error.to_string(),
    };
    if unfinished.try_exists().map_err(|error| cannot(&error))? {
        fs::remove_file(&unfinished).map_err(|error| cannot(&error))?;
    }
    let database = builder.create(&unfinished).map_err(|error| cannot(&error))?;
    write_mark(&database, &Mark::CURRENT).map_err(|error| cannot(&error))?;
    drop(database);
    fs::rename(&unfinished, path).map_err(|error| cannot(&error))?;
    sync_dir(dir)
}

/// Makes the names in a directory durable. Only Unix lets a directory be synced.
fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    // The parent of a bare relative name is the empty path.
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    if cfg!(unix) {
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| io_error(dir, &error))?;
    }
    Ok(())
}

/// Marks a database as a store.
pub(super) fn write_mark(database: &Database, mark: &Mark) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(MARK_KEY, mark.encoded().as_slice())?;
    Ok(transaction.commit()?)
}

fn check_mark(database: &Database, path: &Path) -> Result<(), StoreError> {
    let unreadable = |error: redb::Error| StoreError::Io {
        what: path.display().to_string(),
        why: error.to_string(),
    };
    let transaction = database.begin_read().map_err(|error| unreadable(error.into()))?;
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::Storage(error)) => return Err(unreadable(error.into())),
        Err(_) => return Err(foreign(path, "it is a redb database of another program")),
    };
    let Some(mark) = meta.get(MARK_KEY).map_err(|error| unreadable(error.into()))? else {
        return Err(foreign(path, "it is a redb database without Highwater's mark"));
    };
    let refusal = match Mark::decoded(mark.value()) {
        Ok(mark) => mark.refusal(),
        Err(error) => Some(format!("its mark cannot be read: {error}")),
    };
    refusal.map_or(Ok(()), |why| Err(foreign(path, why)))
}
