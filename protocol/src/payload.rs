//! What the bytes of a record are hashed to, and which stretches of them are worth storing once (X1). Every byte is hashed
//! once: a payload by itself, everything else together with the payloads' digests. What this answers is frozen: digests
//! stand in logs, and payloads are stored under theirs.

use std::ops::Range;

use crate::ids::Digest;

#[cfg(test)]
mod tests;

/// The shortest string that is a payload: below it, a reference and a row of its own cost more than they save.
pub const MIN_PAYLOAD_BYTES: usize = 4 << 10;

/// The longest payload; longer strings are several. Bounds what is held to read one.
pub const MAX_PAYLOAD_BYTES: usize = 4 << 20;

/// Tells the digest of a record with payloads from that of any plain bytes.
const WITH_PAYLOADS: &str = "highwater record with payloads, version 1";

/// A stretch of a record that is stored once, whatever records hold it: what stands between the quotes of a long JSON
/// string, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Where it stands in the record.
    pub range: Range<usize>,
    /// The hash of its bytes.
    pub digest: Digest,
}

/// What a record's bytes are hashed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The digest of the record. Without payloads it is the hash of its bytes.
    pub digest: Digest,
    /// Its payloads, in order.
    pub payloads: Box<[Payload]>,
}

impl Content {
    /// Hashes a record. Any bytes will do; those that are not JSON may have payloads too, if they hold long runs between
    /// quotes.
    pub fn of(record: &[u8]) -> Self {
        let payloads: Box<[Payload]> = long_strings(record)
            .into_iter()
            .map(|range| Payload { digest: Digest::of(&record[range.clone()]), range })
            .collect();
        let digest =
            if payloads.is_empty() { Digest::of(record) } else { digest_around(record, &payloads) };
        Self { digest, payloads }
    }

    /// The stretches of a record that are no payloads, in order: one before each payload, and what follows the last.
    pub fn literals(payloads: &[Payload], length: usize) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(payloads.iter().map(|payload| payload.range.end));
        let ends = payloads.iter().map(|payload| payload.range.start).chain([length]);
        starts.zip(ends).map(|(start, end)| start..end)
    }
}

/// H(length and bytes of each literal, each followed by its payload's digest), under a key of its own.
fn digest_around(record: &[u8], payloads: &[Payload]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(WITH_PAYLOADS);
    let mut behind = payloads.iter();
    for literal in Content::literals(payloads, record.len()) {
        hasher.update(&(literal.len() as u64).to_le_bytes());
        Digest::note_hashed(literal.len());
        hasher.update(&record[literal]);
        if let Some(payload) = behind.next() {
            hasher.update(&payload.digest.0);
        }
    }
    Digest(*hasher.finalize().as_bytes())
}

/// Where long strings stand, without their quotes; cut where they are too long for one payload.
fn long_strings(record: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if record.len() < MIN_PAYLOAD_BYTES {
        return found;
    }
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'"', &record[at..]) {
        let start = at + open + 1;
        let end = end_of_string(record, start);
        if end - start >= MIN_PAYLOAD_BYTES {
            let cuts = (start..end).step_by(MAX_PAYLOAD_BYTES);
            let pieces = cuts.map(|cut| cut..end.min(cut + MAX_PAYLOAD_BYTES));
            found.extend(pieces.filter(|piece| piece.len() >= MIN_PAYLOAD_BYTES));
        }
        at = end + 1;
        if at >= record.len() {
            break;
        }
    }
    found
}

/// The place of the quote that ends a string, or the end of the bytes.
pub(crate) fn end_of_string(record: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(next) = memchr::memchr2(b'"', b'\\', record.get(at..).unwrap_or_default()) {
        at += next;
        if record[at] == b'"' {
            return at;
        }
        at += 2;
    }
    record.len()
}
