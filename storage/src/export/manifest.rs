//! A manifest: what one export added, what it goes on from, and the checkpoint that it stands for.

use highwater_protocol::{Checkpoint, Digest, LogPos, Record, Seq, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::file::{self, kind};
use super::names::{self, ManifestName};
use crate::codec::{self, DecodeError};
use crate::error::StoreError;

/// The content of a manifest's file. Version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) session: String,
    at_ms: i64,
    position: u64,
    seq: u64,
    digest: [u8; 32],
    previous: Option<Previous>,
    pub(super) parts: Vec<Listed>,
}

/// The manifest that another goes on from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Previous {
    end: u64,
    content: [u8; 32],
}

/// A part as its manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) first: u64,
    pub(super) end: u64,
    /// The length of its file.
    pub(super) length: u64,
    content: [u8; 32],
}

impl Listed {
    /// The entry of a part's file.
    pub(super) fn new(first: LogPos, end: LogPos, file: &[u8]) -> Self {
        let content = Digest::of(file).0;
        Self { first: first.0, end: end.0, length: file.len() as u64, content }
    }

    /// The digest of its file.
    pub(super) fn content(&self) -> Digest {
        Digest(self.content)
    }

    /// The name of its file.
    pub(super) fn name(&self, session: &SessionId) -> String {
        names::of_part(session, LogPos(self.first), LogPos(self.end), &self.content())
    }
}

impl Manifest {
    /// The manifest of a checkpoint, whose marker was made at `at`.
    pub(super) fn new(
        session: &SessionId,
        at: Timestamp,
        checkpoint: &Checkpoint,
        previous: Option<(LogPos, Digest)>,
        parts: Vec<Listed>,
    ) -> Self {
        Self {
            session: session.as_str().to_owned(),
            at_ms: at.0,
            position: checkpoint.position.0,
            seq: checkpoint.seq.0,
            digest: checkpoint.digest.0,
            previous: previous.map(|(end, content)| Previous { end: end.0, content: content.0 }),
            parts,
        }
    }

    /// The checkpoint.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            position: LogPos(self.position),
            seq: Seq(self.seq),
            digest: Digest(self.digest),
        }
    }

    /// The record that marks the checkpoint: the last one of the last part.
    pub(super) fn marker(&self) -> Record {
        let Checkpoint { seq, digest, .. } = self.checkpoint();
        Record::Checkpointed { at: Timestamp(self.at_ms), seq, digest }
    }

    /// Where its parts begin.
    pub(super) fn start(&self) -> LogPos {
        LogPos(self.previous.as_ref().map_or(0, |previous| previous.end))
    }

    /// The name of the manifest that it goes on from, which says the content too.
    pub(super) fn previous(&self, session: &SessionId) -> Option<ManifestName> {
        let Previous { end, content } = self.previous.as_ref()?;
        Some(ManifestName::new(session, LogPos(*end), &Digest(*content)))
    }

    /// The file's bytes. [`StoreError::Invalid`] when it lists more parts than a file can.
    pub(super) fn encoded(&self) -> Result<Vec<u8>, StoreError> {
        let mut out = file::MAGIC.to_vec();
        codec::encode(kind::MANIFEST, self, &mut out)?;
        Ok(out)
    }

    /// Reads a file, and requires that its parts follow each other up to the checkpoint.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let manifest: Self = codec::decode(kind::MANIFEST, file::frame(bytes)?)?;
        let mut end = manifest.start().0;
        for part in &manifest.parts {
            if part.first != end || part.end <= part.first {
                return Err(DecodeError::Value("its parts do not follow each other".to_owned()));
            }
            end = part.end;
        }
        if manifest.parts.is_empty() || Some(end) != manifest.position.checked_add(1) {
            let why = "its parts do not end at its checkpoint".to_owned();
            return Err(DecodeError::Value(why));
        }
        Ok(manifest)
    }
}
