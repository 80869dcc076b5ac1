//! Reading a transcript from bytes, as the program does from a file.

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
