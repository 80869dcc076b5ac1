//! Writing an export: parts first, then the manifest that lists them. Reads in pages; holds one page and one part.

use std::path::Path;

use highwater_protocol::{Checkpoint, LogPos, Record, SessionId, Timestamp, caps};

use super::catalogue;
use super::chain::{self, Link};
use super::disk::{self, Disk, Files};
use super::error::ExportError;
use super::manifest::{Listed, Manifest};
use super::names::ManifestName;
use super::part::{PART_BYTES, Part};
use crate::error::StoreError;
use crate::store::{PageLimit, Store};

const PAGE: PageLimit = PageLimit { bytes: caps::PAGE_BYTES };

/// What an export wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The checkpoint that can be restored now.
    pub checkpoint: Checkpoint,
    /// From where in the log on it was written; what stands before was there.
    pub from: LogPos,
    /// The name of its manifest in the directory.
    pub manifest: String,
    /// How many files were written: none when all were there.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Writes what is new of a session since the newest export in `dir` that can be gone on from, or since the checkpoint at
/// `since`, up to the checkpoint at `checkpoint`. When it returns, the export is durable. `watch` is told how many of
/// how many records are written.
///
/// The directory is made if it is not there. Many sessions may share it, and many processes may export into it at once.
/// [`ExportError::NoCheckpoint`] when one of the two is not in the log or the directory;
/// [`ExportError::OtherHistory`] when the newest export of the session is not of this log.
pub fn export(
    store: &dyn Store,
    session: &SessionId,
    checkpoint: LogPos,
    since: Option<LogPos>,
    dir: &Path,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    Export { store, session, dir, disk: &Files, part_bytes: PART_BYTES }
        .run(checkpoint, since, watch)
}

/// The newest checkpoint in a session's log. Reads backwards until it finds one.
pub fn last_checkpoint(
    store: &dyn Store,
    session: &SessionId,
) -> Result<Option<Checkpoint>, StoreError> {
    let mut before = Some(store.session(session)?.head);
    while let Some(end) = before {
        let page = store.read_back(session, end, PAGE)?;
        let mut found = page.records.iter();
        if let Some(checkpoint) = found.find_map(|(at, record)| Checkpoint::of(*at, record)) {
            return Ok(Some(checkpoint));
        }
        before = page.next;
    }
    Ok(None)
}

/// An export in the making.
pub(super) struct Export<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) session: &'a SessionId,
    pub(super) dir: &'a Path,
    pub(super) disk: &'a dyn Disk,
    pub(super) part_bytes: usize,
}

impl Export<'_> {
    pub(super) fn run(
        &self,
        at: LogPos,
        since: Option<LogPos>,
        watch: &mut dyn FnMut(u64, u64),
    ) -> Result<Exported, ExportError> {
        let (marked, checkpoint) = self.marker(at)?;
        self.disk.make_dir(self.dir).map_err(|error| ExportError::io(self.dir, &error))?;
        let previous = self.previous(&checkpoint, since)?;
        let from = previous.as_ref().map_or(LogPos(0), |link| link.name.end);
        let mut done = Exported { checkpoint, from, manifest: String::new(), files: 0, bytes: 0 };
        if let Some(link) = previous.as_ref().filter(|link| link.name.end == checkpoint.end()) {
            done.manifest = link.name.text();
            return Ok(done);
        }
        let parts = self.parts(from, checkpoint.end(), &mut done, watch)?;
        let previous = previous.map(|link| (link.name.end, link.content));
        let manifest = Manifest::new(self.session, marked, &checkpoint, previous, parts);
        let bytes = manifest.encoded()?;
        let content = highwater_protocol::Digest::of(&bytes);
        done.manifest = ManifestName::new(self.session, checkpoint.end(), &content).text();
        // A manifest is never there before all its parts are, also after a loss of power.
        self.sync()?;
        let name = done.manifest.clone();
        self.publish(&name, &bytes, &mut done)?;
        self.sync()?;
        Ok(done)
    }

    /// The checkpoint at a position of the log, and when it was made.
    fn marker(&self, at: LogPos) -> Result<(Timestamp, Checkpoint), ExportError> {
        let no = || ExportError::NoCheckpoint(format!("{}: no checkpoint at {at}", self.session));
        if at >= self.store.session(self.session)?.head {
            return Err(no());
        }
        let found = self.store.read_at(self.session, &[at])?;
        match found.first().map(|(_, record)| record) {
            Some(&Record::Checkpointed { at: marked, seq, digest }) => {
                Ok((marked, Checkpoint { position: at, seq, digest }))
            }
            _ => Err(no()),
        }
    }

    /// The manifest to go on from. The newest one of the directory must be of this log, unless it was said where to go
    /// on: who exported from a restored store that went another way would find the other way when restoring the newest.
    fn previous(
        &self,
        checkpoint: &Checkpoint,
        since: Option<LogPos>,
    ) -> Result<Option<Link>, ExportError> {
        let mut names = catalogue::manifests_of(self.dir, self.session)?;
        if let Some(since) = since {
            let end = since.advance(1);
            if end > checkpoint.end() {
                let (session, at) = (self.session, checkpoint.position);
                let why = format!("{session}: the checkpoint at {since} is behind that at {at}");
                return Err(ExportError::NoCheckpoint(why));
            }
            names.retain(|name| name.end == end);
            if names.is_empty() {
                let (dir, session) = (self.dir.display(), self.session);
                let why = format!("{dir}: no export of session {session} up to {since}");
                return Err(ExportError::NoCheckpoint(why));
            }
        } else if let Some(newest) = names.last().filter(|name| name.end > checkpoint.end()) {
            let newest = newest.end;
            self.newest_of(&names, newest)?;
            names.retain(|name| name.end <= checkpoint.end());
        }
        match names.last().map(|name| name.end) {
            Some(end) => self.newest_of(&names, end).map(Some),
            None => Ok(None),
        }
    }

    /// One of the manifests with this end that is of this log. Several are there when several processes exported at once.
    fn newest_of(&self, names: &[ManifestName], end: LogPos) -> Result<Link, ExportError> {
        let mut other = None;
        for name in names.iter().filter(|name| name.end == end) {
            let link = chain::link(self.dir, name)?;
            if self.is_of_this_log(&link)? {
                return Ok(link);
            }
            other = Some(name);
        }
        let name = other.expect("whoever asks has found a name with this end");
        let file = self.dir.join(name.text());
        Err(ExportError::OtherHistory { file, session: self.session.clone() })
    }

    fn is_of_this_log(&self, link: &Link) -> Result<bool, ExportError> {
        let at = link.manifest.checkpoint().position;
        if at >= self.store.session(self.session)?.head {
            return Ok(false);
        }
        let found = self.store.read_at(self.session, &[at])?;
        Ok(found.first().is_some_and(|(_, record)| *record == link.manifest.marker()))
    }

    /// Writes the log from one position up to another as parts.
    fn parts(
        &self,
        from: LogPos,
        end: LogPos,
        done: &mut Exported,
        watch: &mut dyn FnMut(u64, u64),
    ) -> Result<Vec<Listed>, ExportError> {
        let (mut parts, mut open) = (Vec::new(), Part::from(from));
        while open.end() < end {
            let page = self.store.read(self.session, open.end(), PAGE)?;
            if page.records.is_empty() {
                let why = format!("{}: the log ends before {end}", self.session);
                return Err(ExportError::NoCheckpoint(why));
            }
            for (_, record) in page.records.iter().take_while(|(at, _)| *at < end) {
                if let Some(full) = open.push(record, self.part_bytes)? {
                    parts.push(self.part(&full, done)?);
                }
            }
            watch(open.end().0 - from.0, end.0 - from.0);
        }
        if !open.is_empty() {
            parts.push(self.part(&open, done)?);
        }
        Ok(parts)
    }

    fn part(&self, part: &Part, done: &mut Exported) -> Result<Listed, ExportError> {
        let bytes = part.encoded(self.session.as_str());
        let listed = Listed::new(part.first(), part.end(), &bytes);
        self.publish(&listed.name(self.session), &bytes, done)?;
        Ok(listed)
    }

    fn publish(&self, name: &str, bytes: &[u8], done: &mut Exported) -> Result<(), ExportError> {
        if disk::publish(self.disk, self.dir, name, bytes)? {
            done.files += 1;
            done.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), ExportError> {
        self.disk.sync_dir(self.dir).map_err(|error| ExportError::io(self.dir, &error))
    }
}
