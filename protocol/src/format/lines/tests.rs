//! Tests of reading lines. The notation of an entry: its label, and what stands around its record in brackets.

use proptest::prelude::*;

use super::*;

/// Reads a whole file and checks that no byte is lost.
fn read(file: &[u8]) -> Result<(Vec<Entry>, Warnings), Unreadable> {
    let mut reader = LineReader::new();
    let mut entries = Vec::new();
    let lines: Vec<_> = file.split_inclusive(|byte| *byte == b'\n').collect();
    for (number, line) in lines.iter().enumerate() {
        entries.extend(reader.push(line, number + 1 == lines.len())?);
    }
    let sources: Vec<u8> = entries.iter().flat_map(|entry| entry.source().to_vec()).collect();
    assert_eq!(sources, file, "every byte stands in exactly one source, in order");
    reader.finish();
    Ok((entries, reader.warnings().clone()))
}

fn shown(entry: &Entry) -> String {
    let (source, json) = (entry.source(), entry.json());
    let around = String::from_utf8_lossy(&source[..json.start]).into_owned()
        + "|"
        + &String::from_utf8_lossy(&source[json.end..]);
    format!("{} {around:?}", entry.message().label)
}

fn check(file: &str, expected: &[&str], warnings: &[(&'static str, u64, u64)]) {
    let (entries, found) = read(file.as_bytes()).unwrap();
    assert_eq!(entries.iter().map(shown).collect::<Vec<_>>(), expected, "{file:?}");
    let found: Vec<_> = found.iter().collect();
    let at_line = |row: &(&'static str, u64, u64)| (row.0, row.1, Place::Line(row.2));
    assert_eq!(found, warnings.iter().map(at_line).collect::<Vec<_>>(), "{file:?}");
}

const HI: &str = r#"{"type":"user","uuid":"u1","message":{"role":"user","content":"hi"}}"#;
const HO: &str = r#"{"type":"user","uuid":"u1","message":{"role":"user","content":"ho"}}"#;
const MODE: &str = r#"{"type":"mode","sessionId":"s"}"#;

#[test]
fn line_ends_and_blanks_stay_with_their_record() {
    check(&format!("{HI}\n {MODE} \r\n"), &["user \"|\\n\"", "mode \" | \\r\\n\""], &[]);
    check(&format!("\u{feff}{HI}"), &["user \"\\u{feff}|\""], &[]);
    check(
        &format!("{HI}\n\n \t\n{MODE}"),
        &["user \"|\\n\"", "opaque \"|\"", "opaque \"|\"", "mode \"|\""],
        &[],
    );
    check("", &[], &[]);
}

#[test]
fn glued_objects_are_read_one_by_one() {
    let file = format!("{HI}{MODE} {{\"type\":\"summary\"}}\n");
    check(&file, &["user \"|\"", "mode \"|\"", "summary \" |\\n\""], &[("glued line", 1, 1)]);
}

#[test]
fn torn_lines_are_carried() {
    check(
        &format!("{MODE}\n{{\"type\":\"us\n{HI}\n"),
        &["mode \"|\\n\"", "opaque \"|\"", "user \"|\\n\""],
        &[("torn line", 1, 2)],
    );
    check(&format!("{HI}{{\"ty\n"), &["user \"|\"", "opaque \"|\""], &[("torn line", 1, 1)]);
    check("7 {}\n[]\n", &["opaque \"|\"", "opaque \"|\""], &[("torn line", 2, 1)]);
}

#[test]
fn only_the_last_line_may_be_cut_inside_a_character() {
    let mut file = format!("{MODE}\n{HI} {{\"x\":\"").into_bytes();
    file.extend([0xe4, 0xbd]);
    let (entries, warnings) = read(&file).unwrap();
    let shown: Vec<_> = entries.iter().map(shown).collect();
    assert_eq!(shown, ["mode \"|\\n\"", "user \"|\"", "opaque \"|\""]);
    assert_eq!(warnings.count_of(Warning::TornLine), 1);
    file.push(b'\n');
    file.extend(MODE.bytes());
    assert_eq!(read(&file).unwrap_err().to_string(), "line 2: not UTF-8 at byte 75 of the line");
}

#[test]
fn ids_are_the_lines_own_or_chained() {
    let file = format!("{MODE}\n{HI}\n{MODE}\n{}\n", HI.replace("u1", "hw-1"));
    let (entries, _) = read(file.as_bytes()).unwrap();
    let ids: Vec<_> = entries.iter().map(|entry| entry.id().as_str()).collect();
    assert_eq!(ids[1], "u1");
    assert!(ids[0].starts_with("hw-") && ids[2].starts_with("hw-"));
    assert_ne!(ids[0], ids[2], "equal records at different places differ");
    assert_ne!(ids[3], "hw-1", "the chain's own names are not taken from a file");
    let (again, _) = read(file.as_bytes()).unwrap();
    assert_eq!(entries, again);
    let (other, _) = read(file.replace("u1", "u2").as_bytes()).unwrap();
    assert_eq!(other[0].id(), entries[0].id());
    assert_ne!(other[2].id(), entries[2].id(), "the chain goes over every record");
}

#[test]
fn a_repeated_id_is_a_duplicate_or_gets_a_name_of_its_own() {
    let file = format!("{HI}\n{HI}\n{HO}\n{HO}\n");
    check(
        &file,
        &["user \"|\\n\"", "opaque \"|\\n\"", "user \"|\\n\"", "opaque \"|\\n\""],
        &[("duplicate line", 2, 2), ("reused entry id", 1, 3)],
    );
    let resumed = format!("{HI}\n{}\n", HI.replace("{\"type", "{\"version\":2,\"type"));
    check(&resumed, &["user \"|\\n\"", "opaque \"|\\n\""], &[("duplicate line", 1, 2)]);
    let record = format!("{}\n{}\n", HI.replace("user", "x"), HO.replace("user", "x"));
    check(
        &record,
        &["x \"|\\n\"", "x \"|\\n\""],
        &[("reused entry id", 1, 2), ("unknown line type", 2, 1)],
    );
    let (entries, _) = read(file.as_bytes()).unwrap();
    let ids: std::collections::BTreeSet<_> = entries.iter().map(Entry::id).collect();
    assert_eq!(ids.len(), 4);
}

#[test]
fn what_is_carried_without_being_known_is_counted() {
    check(
        "{\"type\":\"hologram\"}\n{}\n",
        &["hologram \"|\\n\"", "no type \"|\\n\""],
        &[("unknown line type", 2, 1)],
    );
    check("{\"type\":\"user\"}\n", &["user \"|\\n\""], &[("unreadable message", 1, 1)]);
    check("{\"type\":\"user\",\"isSidechain\":true}\n", &["sidechain \"|\\n\""], &[]);
}

#[test]
fn calls_are_followed_over_lines() {
    let call = r#"{"type":"assistant","message":{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}]}}"#;
    let result = r#"{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"c"}]}}"#;
    let (assistant, user) = ("assistant \"|\\n\"", "user \"|\\n\"");
    check(&format!("{call}\n{result}\n"), &[assistant, user], &[]);
    check(
        &format!("{result}\n{call}\n{result}\n{call}\n"),
        &[user, assistant, user, assistant],
        &[("orphan result", 1, 1), ("unanswered call", 1, 4), ("reused call id", 1, 4)],
    );
}

#[test]
fn a_line_over_a_cap_is_an_error_that_names_it() {
    let deep = format!("{MODE}\n{{\"a\":{}{}}}\n", "[".repeat(200), "]".repeat(200));
    let error = read(deep.as_bytes()).unwrap_err();
    assert_eq!(error.at, Some(Place::Line(2)));
    assert!(error.why.contains("128 or more levels deep"), "{error}");
    let large = vec![b' '; caps::MAX_ENTRY_BYTES + 1];
    let error = LineReader::new().push(&large, true).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("line 1: the line is {} bytes long, the cap is {}", large.len(), large.len() - 1)
    );
}

proptest! {
    #[test]
    fn no_byte_is_lost(
        pieces in proptest::collection::vec(
            prop_oneof![
                3 => prop::sample::select(vec![HI, HO, MODE, "\n", "\r\n", " ", "\u{feff}", "{", "}", "\u{4f60}"])
                    .prop_map(|piece| piece.as_bytes().to_vec()),
                1 => proptest::collection::vec(any::<u8>(), 0..4),
            ],
            0..24,
        )
    ) {
        let file = pieces.concat();
        if let Ok((entries, _)) = read(&file) {
            let ids: std::collections::BTreeSet<_> = entries.iter().map(Entry::id).collect();
            prop_assert_eq!(ids.len(), entries.len());
        } else {
            prop_assert!(std::str::from_utf8(&file).is_err());
        }
    }
}
