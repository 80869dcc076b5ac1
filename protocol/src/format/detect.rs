//! Telling from the head of a file whether it is a transcript, and in which shape.

use serde_json::value::RawValue;

use super::json::{self, Fields};
use super::transcript::{Detected, Place, Unreadable};
use super::{claude_code, foreign};

#[cfg(test)]
mod tests;

/// Judges a file by its first bytes, of which a mebibyte is plenty; `whole_file` says that there are no others.
///
/// Of a line-based file the answer is complete. Of a document only the shape is settled here:
/// [`super::transcript::read_document`] sees all of it and says the rest.
pub fn detect(head: &[u8], whole_file: bool) -> Result<Detected, Unreadable> {
    refuse_binary(head)?;
    let text = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let body = &text[json::leading_blanks(text)..];
    if body.is_empty() {
        return Err(match (text.len() == head.len(), whole_file) {
            (true, true) => Unreadable::new(None, "the file is empty"),
            (true, false) => Unreadable::new(None, "the file begins with nothing but blanks"),
            (false, _) => Unreadable::new(Place::Byte(text.len() as u64), "not UTF-8 text"),
        });
    }
    if !body.starts_with(['{', '[']) {
        return by_lines(text);
    }
    let mut values = serde_json::Deserializer::from_str(body).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(value)) if body[values.byte_offset()..].trim().is_empty() => {
            Ok(by_only_value(&Fields::parse(value.get()).unwrap_or_default()))
        }
        Some(Err(error)) if error.is_eof() && body.starts_with('[') => Ok(Detected::DOCUMENT),
        Some(Err(error)) if error.is_eof() && body.trim_end().contains('\n') => {
            Ok(Detected::DOCUMENT)
        }
        Some(Err(error)) if error.is_eof() => Ok(by_only_value(&Fields::of_prefix(body))),
        _ => by_lines(text),
    }
}

/// Refuses what is no text, by the marks that such files begin with.
fn refuse_binary(head: &[u8]) -> Result<(), Unreadable> {
    let marks: [(&[u8], &str); 3] = [
        (b"PK\x03\x04", "a zip archive, such as an inspect .eval log"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"SQLite format 3\0", "an SQLite database"),
    ];
    if let Some((_, found)) = marks.iter().find(|(mark, _)| head.starts_with(mark)) {
        return Err(Unreadable::new(Place::Byte(0), foreign::refusal(found)));
    }
    match head.iter().position(|byte| *byte == 0) {
        Some(at) => Err(Unreadable::new(Place::Byte(at as u64), "a NUL byte: the file is binary")),
        None => Ok(()),
    }
}

/// The file is one object, or the head holds nothing but the beginning of one.
fn by_only_value(fields: &Fields<'_>) -> Detected {
    if claude_code::is_line(fields) && !fields.has("messages") && !fields.has("loglines") {
        return Detected::CLAUDE_CODE_LINES;
    }
    Detected::DOCUMENT
}

/// The first line decides that is an object of a known format; torn lines before it do not matter.
fn by_lines(text: &str) -> Result<Detected, Unreadable> {
    let mut first_object = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = &line[json::leading_blanks(line)..];
        let mut values = serde_json::Deserializer::from_str(line).into_iter::<&RawValue>();
        let Some(Ok(value)) = values.next() else {
            continue;
        };
        let Ok(fields) = Fields::parse(value.get()) else {
            continue;
        };
        if let Some(found) = foreign::line(&fields) {
            return Err(Unreadable::new(Place::Line(number), foreign::refusal(found)));
        }
        if claude_code::is_line(&fields) {
            return Ok(Detected::CLAUDE_CODE_LINES);
        }
        first_object.get_or_insert(number);
    }
    Err(match first_object {
        Some(number) => {
            let found = "JSON objects of a format that is not known";
            Unreadable::new(Place::Line(number), foreign::refusal(found))
        }
        None if text.trim_start().starts_with(['{', '[']) => {
            Unreadable::new(None, foreign::refusal("damaged JSON"))
        }
        None => Unreadable::new(None, foreign::refusal("plain text")),
    })
}
