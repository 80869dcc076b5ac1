//! JSON in two steps: an object's fields as borrowed raw text first, each value decoded only when it is asked for.
//!
//! Raw text keeps the original bytes, and nothing here recurses. Strings are decoded lossily: an escaped lone surrogate
//! becomes U+FFFD instead of an error.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::caps;
use crate::error::{Error, Kind};
use crate::payload::end_of_string;

#[cfg(test)]
mod tests;

/// The fields of an object in their order. Of a repeated key the last one counts.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Fields<'a> {
    /// The fields of an object whose text was checked before: a value of a parsed object, or by [`object`].
    pub fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        let mut fields = Self::default();
        let mut parser = serde_json::Deserializer::from_str(json);
        CollectFields(&mut fields).deserialize(&mut parser)?;
        parser.end()?;
        Ok(fields)
    }

    /// The complete fields at the start of a text that may be cut off or not JSON at all.
    pub(super) fn of_prefix(text: &'a str) -> Self {
        let mut fields = Self::default();
        let mut parser = serde_json::Deserializer::from_str(text);
        // A cut text ends in an error by nature; what was collected before it is the answer.
        let _ = CollectFields(&mut fields).deserialize(&mut parser);
        fields
    }

    /// The object's text with another string in one of its fields, the others as they are.
    pub(super) fn with_text(&self, name: &str, text: &str) -> String {
        let text = quoted(text);
        let field = |(key, value): &(Cow<'_, str>, &str)| {
            let value = if key == name { &text } else { *value };
            format!("{}:{value}", quoted(key))
        };
        let fields: Vec<String> = self.0.iter().map(field).collect();
        format!("{{{}}}", fields.join(","))
    }

    /// The raw value of a field; `None` when it is missing or null.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().rev().find(|(key, _)| key == name)?;
        (*value != "null").then_some(*value)
    }

    /// Whether the field is there and not null.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The field's number, if it is a whole one that is not negative.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.raw(name)?.parse().ok()
    }

    /// All fields with their raw values, in their order. A repeated key comes as often as it stands there.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// The field's text, if it is a string.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        decode(self.raw(name)?)
    }

    /// Whether the field is `true`.
    pub fn flag(&self, name: &str) -> bool {
        self.raw(name) == Some("true")
    }

    /// The field's own fields, if it is an object.
    pub fn object(&self, name: &str) -> Option<Fields<'a>> {
        Fields::parse(self.raw(name)?).ok()
    }

    /// The raw elements of the field, if it is an array.
    pub fn list(&self, name: &str) -> Option<Vec<&'a str>> {
        list(self.raw(name)?)
    }
}

struct CollectFields<'v, 'a>(&'v mut Fields<'a>);

impl<'a> DeserializeSeed<'a> for CollectFields<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for CollectFields<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(LossyText)? {
            let value: &'a RawValue = map.next_value()?;
            self.0.0.push((key, value.get()));
        }
        Ok(())
    }
}

/// Reads a string as bytes, which is how `serde_json` lets lone surrogates through.
struct LossyText;

impl<'a> DeserializeSeed<'a> for LossyText {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Cow<'a, str>, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'a> Visitor<'a> for LossyText {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'a [u8]) -> Result<Cow<'a, str>, E> {
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(without_surrogates(bytes)),
        })
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Owned(without_surrogates(bytes)))
    }
}

/// Replaces each encoded surrogate, three bytes of which the first is 0xED, by one U+FFFD.
fn without_surrogates(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().first() == Some(&0xED) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// The text of a raw value, if it is a string.
pub fn decode(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.starts_with('"') {
        return None;
    }
    LossyText.deserialize(&mut serde_json::Deserializer::from_str(raw)).ok()
}

/// The elements of a raw value, if it is an array.
pub fn list(raw: &str) -> Option<Vec<&str>> {
    if !raw.starts_with('[') {
        return None;
    }
    let elements: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// The fields of a record: UTF-8, one JSON object, not nested too deep.
pub(super) fn object(json: &[u8]) -> Result<Fields<'_>, Error> {
    let invalid = |what: &str| Error::new(Kind::Invalid, format!("the record is {what}"));
    let text = std::str::from_utf8(json).map_err(|error| invalid("not UTF-8").because(error))?;
    if let Some(offset) = too_deep(text) {
        let cap = caps::MAX_JSON_DEPTH;
        let message = format!("the record nests {cap} or more levels deep at byte {offset}");
        return Err(Error::new(Kind::TooLarge, message));
    }
    // Values are checked as they are taken, and names but for control characters: a record in which there are any, or that
    // is no object, is checked as a whole.
    if let Ok(fields) = Fields::parse(text)
        && fields.iter().all(|(name, _)| !name.bytes().any(|byte| byte.is_ascii_control()))
    {
        return Ok(fields);
    }
    serde_json::from_str::<&RawValue>(text)
        .and_then(|record| Fields::parse(record.get()))
        .map_err(|error| invalid("not a JSON object").because(error))
}

/// Where a text nests deeper than the parser would follow.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            // Most of most records stands in strings, and is searched faster than looked at.
            b'"' => at = end_of_string(bytes, at + 1),
            b'{' | b'[' => {
                depth += 1;
                if depth >= caps::MAX_JSON_DEPTH {
                    return Some(at);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Whether a text is a JSON object that can be put into another document as it is.
pub(super) fn is_object(text: &str) -> bool {
    object(text.as_bytes()).is_ok()
}

/// A text as a JSON string.
///
/// # Panics
/// Never: a string has no shape that JSON lacks.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string has no shape that JSON lacks")
}

/// Where `part` stands in `whole`, which it was borrowed from.
pub(super) fn offset_in(whole: &str, part: &str) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// The length of the blanks, and of a byte order mark, that a text starts with.
pub(super) fn leading_blanks(text: &str) -> usize {
    let marked = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.len() - marked.trim_start_matches([' ', '\t', '\r', '\n']).len()
}
