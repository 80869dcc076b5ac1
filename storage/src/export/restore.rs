//! Restoring a session from an export: every file is verified before the first record is written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use highwater_protocol::{Checkpoint, Digest, LogPos, Record, SessionId};

use super::catalogue;
use super::chain::{self, Link};
use super::disk;
use super::error::ExportError;
use super::manifest::Listed;
use super::names::{self, ManifestName};
use super::part;
use super::present::Present;
use crate::store::{Appended, BatchId, Lease, SessionBatch, Store};

/// Records are written in batches of about so many bytes: fewer syncs than parts, when the parts are small.
const BATCH_BYTES: usize = 1 << 20;

/// What is to be restored.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The directory of the export.
    pub dir: &'a Path,
    /// Which session; may be left out when the directory holds one only.
    pub session: Option<&'a SessionId>,
    /// Where the checkpoint stands in the log; without it, the newest one of the directory.
    pub checkpoint: Option<LogPos>,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Which session it was when it was exported.
    pub exported: SessionId,
    /// What it is called in the store.
    pub session: SessionId,
    /// The checkpoint that it stands at.
    pub checkpoint: Checkpoint,
    /// Records of its log.
    pub records: u64,
    /// How many of them were written; the others were there from a restore that was cut off.
    pub written: u64,
}

/// Verifies an export and writes it into a store: [`Verified::read`] and then [`Verified::write`].
pub fn restore(
    source: &Source<'_>,
    store: &dyn Store,
    into: Option<&SessionId>,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Restored, ExportError> {
    Verified::read(source, watch)?.write(store, into, watch)
}

/// An export of which every file up to a checkpoint was found to be what it should be.
pub struct Verified {
    dir: PathBuf,
    /// Oldest first.
    links: Vec<Link>,
}

impl Verified {
    /// Reads every file that the checkpoint stands on. One that is missing, damaged or not a plain file is
    /// [`ExportError::Refused`] by its name. `watch` is told how many of how many records are verified.
    pub fn read(source: &Source<'_>, watch: &mut dyn FnMut(u64, u64)) -> Result<Self, ExportError> {
        let links = chain::chain(source.dir, source.link()?)?;
        let verified = Self { dir: source.dir.to_owned(), links };
        let all = verified.checkpoint().end().0;
        for link in &verified.links {
            let mut last = None;
            for listed in &link.manifest.parts {
                last = records(source.dir, &link.session, listed)?.pop();
                watch(listed.end, all);
            }
            if last != Some(link.manifest.marker()) {
                let why = "the last record of its last part is not the mark of its checkpoint";
                return Err(ExportError::refused(source.dir, &link.name.text(), why));
            }
        }
        Ok(verified)
    }

    /// Which session it was when it was exported.
    pub fn session(&self) -> &SessionId {
        &self.newest().session
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> Checkpoint {
        self.newest().manifest.checkpoint()
    }

    /// Writes the log into a store, record by record as it was, as `into` or under its own name. Durable when it returns.
    /// `watch` is told how many of how many records are there.
    ///
    /// [`ExportError::Occupied`] when the store has the session with other content; nothing is written then. A restore
    /// that was cut off goes on where it stopped when it is asked for again.
    pub fn write(
        &self,
        store: &dyn Store,
        into: Option<&SessionId>,
        watch: &mut dyn FnMut(u64, u64),
    ) -> Result<Restored, ExportError> {
        let (exported, checkpoint) = (self.session().clone(), self.checkpoint());
        let (session, end) = (into.unwrap_or(&exported).clone(), checkpoint.end());
        let mut present = Present::new(store, &session, end)?;
        let from = present.head();
        self.each_part(LogPos(0), from, &mut |first, records| {
            (first.0..)
                .zip(&records)
                .try_for_each(|(at, record)| present.require(LogPos(at), record))
        })?;
        if from < end {
            let lease = store.open_session(&session)?;
            if lease.head != from {
                return Err(present.differs("somebody else is writing to it".to_owned()));
            }
            let mut writer = Writer { store, lease, batch: 0, waiting: Vec::new(), bytes: 0 };
            self.each_part(from, end, &mut |first, records| {
                let known = from.0.saturating_sub(first.0);
                let known = usize::try_from(known).unwrap_or(records.len());
                writer.take(records.into_iter().skip(known))?;
                watch(writer.lease.head.0, end.0);
                Ok(())
            })?;
            writer.flush()?;
        }
        watch(end.0, end.0);
        // Who wrote the log is gone, so all of it is history.
        while store.seal(&session, end)?.more {}
        let (records, written) = (end.0, end.0 - from.0);
        Ok(Restored { exported, session, checkpoint, records, written })
    }

    fn newest(&self) -> &Link {
        &self.links[self.links.len() - 1]
    }

    /// Reads the parts that hold something from one position up to another, and verifies them once more: a file may have
    /// changed since. `each` gets the first position and the records.
    fn each_part(
        &self,
        from: LogPos,
        end: LogPos,
        each: &mut dyn FnMut(LogPos, Vec<Record>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for link in &self.links {
            let parts = link.manifest.parts.iter();
            for listed in parts.filter(|part| part.end > from.0 && part.first < end.0) {
                let records = records(&self.dir, &link.session, listed)?;
                each(LogPos(listed.first), records)?;
            }
        }
        Ok(())
    }
}

impl Source<'_> {
    /// The manifest of the checkpoint that is asked for.
    fn link(&self) -> Result<Link, ExportError> {
        let dir = self.dir.display();
        let names = match self.session {
            Some(session) => catalogue::manifests_of(self.dir, session)?,
            None => self.only_session()?,
        };
        let wanted = match (self.checkpoint, names.last()) {
            (_, None) => None,
            (None, Some(newest)) => Some(newest.end),
            (Some(position), Some(_)) => Some(position.advance(1)),
        };
        let mut found: Option<Link> = None;
        for name in names.iter().filter(|name| Some(name.end) == wanted) {
            let link = chain::link(self.dir, name)?;
            match &found {
                Some(one) if one.manifest.marker() != link.manifest.marker() => {
                    let why = format!(
                        "it marks another history than {}, both at the same place: move one of them away",
                        one.name.text()
                    );
                    return Err(ExportError::refused(self.dir, &name.text(), why));
                }
                Some(_) => {}
                None => found = Some(link),
            }
        }
        found.ok_or_else(|| {
            let whose = self.session.map_or(String::new(), |name| format!(" of session {name}"));
            let at = self.checkpoint.map_or(String::new(), |at| format!(" up to {at}"));
            ExportError::NoCheckpoint(format!("{dir}: there is no export{whose}{at}"))
        })
    }

    /// The manifests of a directory that holds one session only.
    fn only_session(&self) -> Result<Vec<ManifestName>, ExportError> {
        let names = catalogue::manifests(self.dir)?;
        let tags: BTreeSet<_> = names.iter().map(|name| &name.tag).collect();
        if tags.len() > 1 {
            let (dir, count) = (self.dir.display(), tags.len());
            let why = format!("{dir}: there are exports of {count} sessions; say which");
            return Err(ExportError::NoCheckpoint(why));
        }
        Ok(names)
    }
}

/// The records of a part, which is verified.
fn records(dir: &Path, session: &SessionId, listed: &Listed) -> Result<Vec<Record>, ExportError> {
    let name = listed.name(session);
    let refused = |why: String| ExportError::refused(dir, &name, why);
    let bytes = disk::read(dir, &name, part::MAX_FILE_BYTES)?;
    if bytes.len() as u64 != listed.length || Digest::of(&bytes) != listed.content() {
        return Err(refused(stranger(&bytes, session, listed)));
    }
    let records = part::records(&bytes).map_err(|error| refused(error.to_string()))?;
    let claim = part::claim(&bytes).map_err(|error| refused(error.to_string()))?;
    let is_that = claim.session == session.as_str()
        && (claim.first.0, claim.end.0) == (listed.first, listed.end);
    if is_that { Ok(records) } else { Err(refused(stranger(&bytes, session, listed))) }
}

/// What a file is that is not the part that a manifest lists.
fn stranger(bytes: &[u8], session: &SessionId, listed: &Listed) -> String {
    match part::claim(bytes) {
        Ok(claim) if names::tag(session) != tag_of(&claim.session) => {
            format!("it is a part of another session, {}", claim.session)
        }
        Ok(claim) if (claim.first.0, claim.end.0) != (listed.first, listed.end) => {
            format!("it is another part of the session, from {} on", claim.first)
        }
        _ if bytes.len() as u64 != listed.length => {
            format!("it is {} bytes long, its manifest says {}", bytes.len(), listed.length)
        }
        _ => "it is damaged: its content is not the one in its manifest".to_owned(),
    }
}

fn tag_of(session: &str) -> String {
    Digest::of(session.as_bytes()).to_string()
}

/// Writes verified records.
struct Writer<'a> {
    store: &'a dyn Store,
    lease: Lease,
    batch: u64,
    waiting: Vec<Record>,
    bytes: usize,
}

impl Writer<'_> {
    /// Takes the records of a part, and writes when enough wait.
    fn take(&mut self, records: impl Iterator<Item = Record>) -> Result<(), ExportError> {
        let waiting = self.waiting.len();
        self.waiting.extend(records);
        self.bytes += self.waiting[waiting..].iter().map(Record::weight).sum::<usize>();
        if self.bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.batch += 1;
        self.bytes = 0;
        let Lease { session, epoch, head, .. } = &self.lease;
        let records = std::mem::take(&mut self.waiting);
        let batch = SessionBatch {
            session: session.clone(),
            epoch: *epoch,
            head: *head,
            batch: BatchId(self.batch),
            records,
        };
        match self.store.append(&[batch])?.first() {
            Some(Appended::Stored(head)) => {
                self.lease.head = *head;
                Ok(())
            }
            other => {
                let why = format!("somebody else is writing to it ({other:?})");
                Err(ExportError::Occupied { session: self.lease.session.clone(), why })
            }
        }
    }
}
