//! Manifests read and verified: one, or the whole chain that a checkpoint stands on.

use std::path::Path;

use highwater_protocol::{Digest, SessionId};

use super::disk;
use super::error::ExportError;
use super::manifest::Manifest;
use super::names::{self, ManifestName};
use super::part::MAX_FILE_BYTES;

/// A manifest that was read.
pub(super) struct Link {
    /// Whose.
    pub(super) session: SessionId,
    /// Under which name.
    pub(super) name: ManifestName,
    /// What it says.
    pub(super) manifest: Manifest,
    /// The digest of its file.
    pub(super) content: Digest,
}

/// Reads a manifest. What it says must be what its name says.
pub(super) fn link(dir: &Path, name: &ManifestName) -> Result<Link, ExportError> {
    let text = name.text();
    let refused = |why: String| ExportError::refused(dir, &text, why);
    let bytes = disk::read(dir, &text, MAX_FILE_BYTES)?;
    let content = Digest::of(&bytes);
    if !name.is_of(&content) {
        return Err(refused("it is damaged: its content is not the one in its name".to_owned()));
    }
    let manifest = Manifest::decode(&bytes).map_err(|error| refused(error.to_string()))?;
    let session =
        SessionId::parse(&manifest.session).map_err(|error| refused(error.to_string()))?;
    if names::tag(&session) != name.tag {
        return Err(refused(format!("it is a manifest of another session, {session}")));
    }
    if manifest.checkpoint().end() != name.end {
        let found = manifest.checkpoint().position;
        return Err(refused(format!("it is the manifest of the checkpoint at {found}")));
    }
    Ok(Link { session, name: name.clone(), manifest, content })
}

/// The manifests that one stands on, itself included, oldest first. They come to an end: what a manifest goes on from ends
/// before its own parts do.
pub(super) fn chain(dir: &Path, last: Link) -> Result<Vec<Link>, ExportError> {
    let mut next = last.previous();
    let mut links = vec![last];
    while let Some(name) = next {
        let older = link(dir, &name)?;
        next = older.previous();
        links.push(older);
    }
    links.reverse();
    Ok(links)
}

impl Link {
    fn previous(&self) -> Option<ManifestName> {
        self.manifest.previous(&self.session)
    }
}
