//! From records to entries: ids, duplicates and warnings, the same for lines and for documents.

use std::collections::BTreeSet;
use std::ops::Range;

use super::claude_code;
use super::json::Fields;
use super::transcript::{Place, Unreadable};
use super::warnings::{Calls, Warning, Warnings, short_hash};
use crate::entry::{Dialect, Entry};
use crate::error::Kind;
use crate::ids::{Digest, EntryId};
use crate::payload::Content;

/// How chained ids begin. A source's own id that begins so is not used, lest it meet a chained one.
const CHAINED_PREFIX: &str = "hw-";

/// Turns the records of one transcript into entries, in order.
#[derive(Debug)]
pub(super) struct Recorder {
    link: Digest,
    ids: BTreeSet<[u8; 16]>,
    contents: BTreeSet<[u8; 16]>,
    calls: Calls,
    warnings: Warnings,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self {
            link: Digest::ZERO,
            ids: BTreeSet::new(),
            contents: BTreeSet::new(),
            calls: Calls::default(),
            warnings: Warnings::default(),
        }
    }

    pub(super) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    pub(super) fn warn(&mut self, warning: Warning, place: Place) {
        self.warnings.count(warning, place);
    }

    /// Counts the calls that were never answered. To be called when the last record was read.
    pub(super) fn finish(&mut self) -> &Warnings {
        self.calls.finish(&mut self.warnings);
        &self.warnings
    }

    /// An entry of bytes that no model sees.
    pub(super) fn carry(&mut self, source: &[u8], place: Place) -> Result<Entry, Unreadable> {
        let content = Content::of(source);
        let id = self.chain(&content.digest);
        read(id, Dialect::Opaque, source, 0..source.len(), content)
            .map_err(|error| too_large(place, &error))
    }

    /// An entry of one record; `json` is where it stands in `source`.
    pub(super) fn record(
        &mut self,
        dialect: Dialect,
        source: &str,
        json: Range<usize>,
        place: Place,
    ) -> Result<Entry, Unreadable> {
        let text = &source[json.clone()];
        let content = Content::of(text.as_bytes());
        let chained = self.chain(&content.digest);
        let source = source.as_bytes();
        let own = own_id(dialect, text);
        let id = own.clone().unwrap_or_else(|| chained.clone());
        let again = |id, dialect| {
            let (json, content) = (json.clone(), content.clone());
            read(id, dialect, source, json, content).map_err(|error| too_large(place, &error))
        };
        let mut entry = match read(id.clone(), dialect, source, json.clone(), content.clone()) {
            Ok(entry) => entry,
            Err(error) if error.kind() == Kind::Invalid => {
                self.warn(Warning::UnreadableMessage, place);
                return again(chained, Dialect::Opaque);
            }
            Err(error) => return Err(too_large(place, &error)),
        };
        match own.and_then(|own| self.remember(&own, &entry, text)) {
            // A session file that holds one line twice said it once; an array of messages says what it says.
            Some(Warning::DuplicateLine) if dialect == Dialect::ClaudeCode => {
                self.warn(Warning::DuplicateLine, place);
                return again(chained, Dialect::Opaque);
            }
            Some(_) => {
                self.warn(Warning::ReusedEntryId, place);
                entry = again(chained, dialect)?;
            }
            None => {}
        }
        self.judge(&entry, place);
        Ok(entry)
    }

    /// The chained id of the next record. The chain goes over every record, also over those with ids of their own.
    fn chain(&mut self, content: &Digest) -> EntryId {
        let (id, link) = EntryId::chained(&self.link, content);
        self.link = link;
        id
    }

    /// Takes note of an id and of what was said under it; a warning when the id stood before.
    fn remember(&mut self, own: &EntryId, entry: &Entry, text: &str) -> Option<Warning> {
        let name = own.as_str().as_bytes();
        let known = !self.ids.insert(short_hash(&Digest::of(name)));
        let message = entry.message();
        let said = said(entry, text).map_or(message.digest, |said| Digest::of(said.as_bytes()));
        let content = Digest::of_parts(&[name, message.label.as_bytes(), &said.0]);
        let repeated = !self.contents.insert(short_hash(&content));
        match (known, repeated) {
            (_, true) => Some(Warning::DuplicateLine),
            (true, false) => Some(Warning::ReusedEntryId),
            (false, false) => None,
        }
    }

    fn judge(&mut self, entry: &Entry, place: Place) {
        let message = entry.message();
        if message.is_visible() {
            self.calls.follow(message, place, &mut self.warnings);
            return;
        }
        let warning = match (entry.dialect(), &*message.label) {
            (Dialect::OpenAiChat, _) => Warning::UnknownRole,
            (Dialect::ClaudeCode, "user" | "assistant") => Warning::UnreadableMessage,
            (Dialect::ClaudeCode, label) if !claude_code::CARRIED.contains(&label) => {
                Warning::UnknownLineType
            }
            _ => return,
        };
        self.warn(warning, place);
    }
}

/// What of a record counts when its id stands twice, if not all of it. Resuming a session writes shown lines anew, with
/// other metadata.
fn said<'a>(entry: &Entry, text: &'a str) -> Option<&'a str> {
    if entry.dialect() != Dialect::ClaudeCode || !entry.message().is_visible() {
        return None;
    }
    Fields::parse(text).ok()?.object("message")?.raw("content")
}

/// The id that a record brings, if it can be used.
fn own_id(dialect: Dialect, text: &str) -> Option<EntryId> {
    let fields = Fields::parse(text).ok()?;
    let id = match dialect {
        Dialect::ClaudeCode => fields.text("uuid"),
        _ => fields.text("uuid").or_else(|| fields.text("id")),
    }?;
    EntryId::parse(&id).ok().filter(|id| !id.as_str().starts_with(CHAINED_PREFIX))
}

fn read(
    id: EntryId,
    dialect: Dialect,
    source: &[u8],
    json: Range<usize>,
    content: Content,
) -> Result<Entry, crate::Error> {
    Entry::read_hashed(id, dialect, source.into(), json, Some(content))
}

fn too_large(place: Place, error: &crate::Error) -> Unreadable {
    Unreadable::new(place, error.to_string())
}
