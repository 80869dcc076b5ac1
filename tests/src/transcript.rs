//! Reading a transcript from bytes, as the program does from a file; and the folder of real ones, where it is at hand.

use std::path::{Path, PathBuf};

use highwater_protocol::format::transcript::{LineReader, Shape, detect, read_document};
use highwater_protocol::{Entry, Format};

/// The entries of a transcript and the format that keeps its bytes, or why it cannot be read.
pub fn read(bytes: &[u8]) -> Result<(Format, Vec<Entry>), String> {
    let detected = detect(bytes, true).map_err(|error| error.to_string())?;
    if detected.shape == Shape::Document {
        let read = read_document(bytes).map_err(|error| error.to_string())?;
        return Ok((read.detected.render, read.entries));
    }
    let mut reader = LineReader::new();
    let mut entries = Vec::new();
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let read = reader.push(line, lines.peek().is_none());
        entries.extend(read.map_err(|error| error.to_string())?);
    }
    Ok((detected.render, entries))
}

/// The folder of real transcripts, one folder for each kind: `HIGHWATER_TRANSCRIPTS`, or `shared/transcripts` beside the
/// workspace.
pub fn folder() -> PathBuf {
    std::env::var_os("HIGHWATER_TRANSCRIPTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/transcripts"),
        PathBuf::from,
    )
}

/// All files in the folders of a folder, by name; those beside the folders tell about them. None where it is missing.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let mut folders: Vec<PathBuf> = list(folder).into_iter().filter(|path| path.is_dir()).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let (inner, found): (Vec<_>, Vec<_>) = list(&folder).into_iter().partition(|p| p.is_dir());
        folders.extend(inner);
        files.extend(found);
    }
    files.sort();
    files
}
