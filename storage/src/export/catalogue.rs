//! Which manifests a directory holds, by their names alone.

use std::fs;
use std::path::Path;

use highwater_protocol::SessionId;

use super::error::ExportError;
use super::names::{self, ManifestName};

/// The names of all manifests in a directory, by session and then by their ends. Other files are none of ours.
pub(super) fn manifests(dir: &Path) -> Result<Vec<ManifestName>, ExportError> {
    let unreadable = |error: std::io::Error| ExportError::io(dir, &error);
    let mut found = Vec::new();
    for file in fs::read_dir(dir).map_err(unreadable)? {
        let name = file.map_err(unreadable)?.file_name();
        found.extend(name.to_str().and_then(ManifestName::parse));
    }
    found.sort();
    Ok(found)
}

/// Those of one session.
pub(super) fn manifests_of(
    dir: &Path,
    session: &SessionId,
) -> Result<Vec<ManifestName>, ExportError> {
    let (tag, mut found) = (names::tag(session), manifests(dir)?);
    found.retain(|name| name.tag == tag);
    Ok(found)
}
