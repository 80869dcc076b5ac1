//! Restoring a session from an export: every file is verified before the first record is written.

use std::collections::BTreeSet;
use std::path::Path;

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

/// Records are written in batches of about so many bytes of files: fewer syncs than parts, when the parts are small.
const BATCH_BYTES: u64 = 1 << 20;

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

/// Writes the log of a session up to a checkpoint into a store, record by record as it was, as `into` or under its own
/// name. Durable when it returns. `watch` is told how many of how many steps are done: each record is verified and
/// written.
///
/// A file that is missing, damaged or not a plain one is [`ExportError::Refused`] by its name, and nothing is written
/// then; [`ExportError::Occupied`] when the store has the session with other content. A restore that was cut off goes on
/// where it stopped when it is asked for again.
pub fn restore(
    source: &Source<'_>,
    store: &dyn Store,
    into: Option<&SessionId>,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Restored, ExportError> {
    let links = chain::chain(source.dir, source.link()?)?;
    let last = &links[links.len() - 1];
    let (exported, checkpoint) = (last.session.clone(), last.manifest.checkpoint());
    let session = into.unwrap_or(&exported).clone();
    let records = checkpoint.end().0;
    let mut present = Present::new(store, &session, checkpoint.end())?;
    let from = present.head();
    let steps = records + records.saturating_sub(from.0);
    verify(source.dir, &links, &mut present, &mut |done| watch(done, steps))?;
    let written = records - from.0;
    if written > 0 {
        let lease = store.open_session(&session)?;
        if lease.head != from {
            return Err(present.differs("somebody else is writing to it".to_owned()));
        }
        let mut writer = Writer { store, lease, batch: 0, waiting: Vec::new(), bytes: 0 };
        let mut told = |written| watch(records + written, steps);
        writer.write(source.dir, &links, from, &mut told)?;
    }
    // Who wrote the log is gone, so all of it is history.
    while store.seal(&session, checkpoint.end())?.more {}
    Ok(Restored { exported, session, checkpoint, records, written })
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

/// Reads all parts, and requires that they are what their manifests say and what the store has already.
fn verify(
    dir: &Path,
    links: &[Link],
    present: &mut Present<'_>,
    watch: &mut dyn FnMut(u64),
) -> Result<(), ExportError> {
    for link in links {
        let mut last = None;
        for listed in &link.manifest.parts {
            let mut at = LogPos(listed.first);
            for record in records(dir, &link.session, listed)? {
                present.require(at, &record)?;
                at = at.advance(1);
                last = Some(record);
            }
            watch(listed.end);
        }
        if last != Some(link.manifest.marker()) {
            let why = "its last record is not the mark of the checkpoint";
            return Err(ExportError::refused(dir, &link.name.text(), why));
        }
    }
    Ok(())
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
    bytes: u64,
}

impl Writer<'_> {
    /// Writes everything from a position on. Each part is verified once more: it may have changed since.
    fn write(
        &mut self,
        dir: &Path,
        links: &[Link],
        from: LogPos,
        watch: &mut dyn FnMut(u64),
    ) -> Result<(), ExportError> {
        for link in links.iter().filter(|link| link.name.end > from) {
            for listed in link.manifest.parts.iter().filter(|listed| listed.end > from.0) {
                let known = usize::try_from(from.0.saturating_sub(listed.first));
                let known = known.expect("a part's records are counted in memory");
                self.waiting.extend(records(dir, &link.session, listed)?.into_iter().skip(known));
                self.bytes += listed.length;
                if self.bytes >= BATCH_BYTES {
                    self.flush()?;
                    watch(self.lease.head.0 - from.0);
                }
            }
        }
        self.flush()?;
        watch(self.lease.head.0 - from.0);
        Ok(())
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
