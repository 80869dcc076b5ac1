//! Reading a line-based transcript line by line, whatever the lines have been through.

use serde_json::value::RawValue;

use super::json;
use super::recorder::Recorder;
use super::transcript::{Place, Unreadable};
use super::warnings::{Warning, Warnings};
use crate::caps;
use crate::entry::{Dialect, Entry};

#[cfg(test)]
mod tests;

/// Reads a Claude Code session line by line. Every byte that goes in comes out in exactly one entry's source, in order.
#[derive(Debug)]
pub struct LineReader {
    recorder: Recorder,
    line: u64,
}

impl Default for LineReader {
    fn default() -> Self {
        Self::new()
    }
}

impl LineReader {
    /// A reader that stands before the first line.
    pub fn new() -> Self {
        Self { recorder: Recorder::new(), line: 0 }
    }

    /// The entries of the next line, which comes with its line end if it has one. None for no bytes at all, one for
    /// most lines, several for objects glued onto one line. Only the last line may be cut inside a character.
    ///
    /// An error names the line: over [`caps::MAX_ENTRY_BYTES`], nested too deep, too many parts, or not UTF-8.
    pub fn push(&mut self, line: &[u8], is_last: bool) -> Result<Vec<Entry>, Unreadable> {
        self.line += 1;
        let place = Place::Line(self.line);
        if line.len() > caps::MAX_ENTRY_BYTES {
            let (found, cap) = (line.len(), caps::MAX_ENTRY_BYTES);
            let why = format!("the line is {found} bytes long, the cap is {cap}");
            return Err(Unreadable::new(place, why));
        }
        let text = match std::str::from_utf8(line) {
            Ok(text) => text,
            Err(error) if !is_last => {
                let why = format!("not UTF-8 at byte {} of the line", error.valid_up_to());
                return Err(Unreadable::new(place, why));
            }
            Err(_) => line.utf8_chunks().next().map_or("", |chunk| chunk.valid()),
        };
        self.split(line, text, place)
    }

    /// The oddities so far.
    pub fn warnings(&self) -> &Warnings {
        self.recorder.warnings()
    }

    /// To be called behind the last line: counts the calls that were never answered.
    pub fn finish(&mut self) -> &Warnings {
        self.recorder.finish()
    }

    /// One entry per object of the line, and one for what is behind the last of them. `text` is the part of the line
    /// that is UTF-8. Blanks go with the object behind them, those at the end with the last object.
    fn split(&mut self, line: &[u8], text: &str, place: Place) -> Result<Vec<Entry>, Unreadable> {
        let objects = objects(text);
        let mut ends: Vec<usize> = objects.iter().map(|object| object.end).collect();
        let rest = ends.last().copied().unwrap_or_default();
        let is_blank = rest + json::leading_blanks(&text[rest..]) == line.len();
        if !is_blank {
            self.recorder.warn(Warning::TornLine, place);
        } else if let Some(last) = ends.last_mut() {
            *last = line.len();
        }
        if objects.len() > 1 {
            self.recorder.warn(Warning::GluedLine, place);
        }
        let (mut entries, mut at) = (Vec::with_capacity(objects.len()), 0);
        for (object, end) in objects.into_iter().zip(ends) {
            let range = object.start - at..object.end - at;
            let source = &text[at..end];
            entries.push(self.recorder.record(Dialect::ClaudeCode, source, range, place)?);
            at = end;
        }
        if at < line.len() {
            entries.push(self.recorder.carry(&line[at..], place)?);
        }
        Ok(entries)
    }
}

/// Where the objects stand that a line begins with.
fn objects(text: &str) -> Vec<std::ops::Range<usize>> {
    let start = json::leading_blanks(text);
    let values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<&RawValue>();
    values
        .map_while(Result::ok)
        .map(RawValue::get)
        .take_while(|value| value.starts_with('{'))
        .map(|value| {
            let start = json::offset_in(text, value);
            start..start + value.len()
        })
        .collect()
}
