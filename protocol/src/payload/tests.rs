//! Which bytes are payloads, and that a digest depends on every byte.

use proptest::prelude::*;

use super::*;

fn text(length: usize) -> String {
    (0..length).map(|at| char::from(b'a' + u8::try_from(at * 7 % 26).expect("below 26"))).collect()
}

fn ranges(record: &str) -> Vec<Range<usize>> {
    let content = Content::of(record.as_bytes());
    for payload in &content.payloads {
        assert_eq!(payload.digest, Digest::of(&record.as_bytes()[payload.range.clone()]));
    }
    content.payloads.iter().map(|payload| payload.range.clone()).collect()
}

/// Where the only payload of a record stands.
fn only(record: &str) -> Range<usize> {
    let mut ranges = ranges(record);
    assert_eq!(ranges.len(), 1);
    ranges.remove(0)
}

#[test]
fn a_record_without_long_strings_is_hashed_as_it_is() {
    let record = format!(r#"{{"role":"user","content":"{}"}}"#, text(MIN_PAYLOAD_BYTES - 1));
    assert_eq!(ranges(&record), []);
    assert_eq!(Content::of(record.as_bytes()).digest, Digest::of(record.as_bytes()));
}

#[test]
fn what_stands_between_the_quotes_of_a_long_string_is_a_payload() {
    let (first, second) = (text(MIN_PAYLOAD_BYTES), text(MIN_PAYLOAD_BYTES + 5));
    let record = format!(r#"{{"a":"{first}","b":"short","c":["{second}"]}}"#);
    let (one, two) = (6, record.find(&second).expect("it stands there, behind the first"));
    let two = two.max(record.rfind(&second).expect("it stands there"));
    assert_eq!(ranges(&record), [one..one + first.len(), two..two + second.len()]);
}

#[test]
fn escaped_quotes_do_not_end_a_string() {
    let inner = format!(r#"{}\"{}\\"#, text(3000), text(3000));
    let record = format!(r#"{{"a":"{inner}","b":""}}"#);
    assert_eq!(only(&record), 6..6 + inner.len());
}

#[test]
fn a_string_that_does_not_end_goes_to_the_end_of_the_bytes() {
    let torn = format!(r#"{{"a":"{}\"#, text(5000));
    assert_eq!(only(&torn), 6..torn.len());
}

#[test]
fn strings_that_are_too_long_are_several_payloads() {
    let record = format!(r#"["{}"]"#, text(2 * MAX_PAYLOAD_BYTES + MIN_PAYLOAD_BYTES));
    let lengths: Vec<usize> = ranges(&record).iter().map(Range::len).collect();
    assert_eq!(lengths, [MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, MIN_PAYLOAD_BYTES]);
    let record = format!(r#"["{}"]"#, text(MAX_PAYLOAD_BYTES + 1));
    assert_eq!(ranges(&record).len(), 1, "what is left over is too short for one");
}

/// The digest is frozen: it stands in logs.
#[test]
fn the_digest_of_a_record_with_payloads_is_as_ever() {
    let record = format!(r#"{{"a":"{}","b":1}}"#, text(MIN_PAYLOAD_BYTES));
    let mut hasher = blake3::Hasher::new_derive_key("highwater record with payloads, version 1");
    hasher.update(&6_u64.to_le_bytes());
    hasher.update(br#"{"a":""#);
    hasher.update(blake3::hash(text(MIN_PAYLOAD_BYTES).as_bytes()).as_bytes());
    hasher.update(&8_u64.to_le_bytes());
    hasher.update(br#"","b":1}"#);
    assert_eq!(Content::of(record.as_bytes()).digest.0, *hasher.finalize().as_bytes());
}

proptest! {
    #[test]
    fn literals_and_payloads_are_all_bytes_once_and_each_counts(
        before in "[\\PC]{0,20}", long in "[a-z\\\\\"]{4096,5000}", after: Vec<u8>, flip: prop::sample::Index,
    ) {
        let mut record = format!("\"{before}\" \"{long}").into_bytes();
        record.extend(after);
        let content = Content::of(&record);
        let literals = Content::literals(&content.payloads, record.len()).collect::<Vec<_>>();
        let mut all: Vec<_> = content.payloads.iter().map(|p| p.range.clone()).chain(literals).collect();
        all.sort_by_key(|range| (range.start, range.end));
        let mut end = 0;
        for range in all {
            prop_assert_eq!(range.start, end);
            end = range.end;
        }
        prop_assert_eq!(end, record.len());
        let at = flip.index(record.len());
        record[at] ^= 1;
        prop_assert_ne!(content.digest, Content::of(&record).digest);
    }
}
