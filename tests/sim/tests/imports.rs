//! The oracle's sources name data types of the product and nothing else of it.

use std::fs;
use std::path::Path;

/// What the oracle may name of the core, beyond the messages.
const DATA: &[&str] = &[
    "Abandoned",
    "Block",
    "Budget",
    "CallEnd",
    "CallNumber",
    "CallRef",
    "Checkpoint",
    "Context",
    "Entry",
    "Error",
    "Fact",
    "FactKind",
    "Format",
    "Kind",
    "LogPos",
    "Outcome",
    "PartKind",
    "PassId",
    "Record",
    "Refused",
    "Replacement",
    "Resolution",
    "Role",
    "Segment",
    "Seq",
    "SeqRange",
    "SeqSpans",
    "Shown",
    "TokenCount",
    "Usage",
    "message",
    "self",
];

/// What the text names of the product, if it may not.
fn strangers(text: &str) -> Vec<String> {
    let mut strangers = Vec::new();
    for rest in text.split("highwater").skip(1) {
        let Some(path) = rest.strip_prefix("_protocol::") else {
            strangers.push(rest.chars().take(20).collect());
            continue;
        };
        let is_message = path.starts_with("message::");
        let names = match path.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => path.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default(),
        };
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let strange = names.filter(|name| !is_message && !DATA.contains(name));
        strangers.extend(strange.map(str::to_owned));
    }
    strangers
}

#[test]
fn the_oracle_shares_data_types_with_the_product_and_nothing_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim/oracle");
    let mut read = 0;
    for file in fs::read_dir(folder).expect("the oracle's folder") {
        let path = file.expect("readable").path();
        let text = fs::read_to_string(&path).expect("a source is UTF-8");
        let foreign = text.lines().find(|line| {
            let line = line.trim_start();
            line.starts_with("use crate::") || line.contains("highwater_tests::")
        });
        assert_eq!(foreign, None, "{}", path.display());
        assert_eq!(strangers(&text), Vec::<String>::new(), "{}", path.display());
        read += 1;
    }
    assert!(read >= 7, "the oracle is not where it was looked for: {read} files");
}

#[test]
fn the_measure_of_imports_sees_logic() {
    for wrong in [
        "use highwater_protocol::View;",
        "use highwater_protocol::{Seq, Group};",
        "use highwater_protocol::cut::plan;",
        "use highwater::Highwater;",
        "highwater_storage::Store",
    ] {
        assert_eq!(strangers(wrong).len(), 1, "{wrong}");
    }
    assert!(strangers("use highwater_protocol::{Seq, Record};").is_empty());
}
