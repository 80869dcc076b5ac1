//! The example file is the schema: it is read, it names every field, and the one in `docs` is the same.

use std::path::Path;

use super::read;
use crate::config::examine::join;
use crate::config::example;
use crate::config::layer::{self, Table};
use crate::config::schema::{ROOT, Section};
use crate::config::toml_text;

/// The example with every field set.
fn all_set() -> String {
    let lines = example::text();
    let set = lines.lines().map(|line| match line.strip_prefix('#') {
        Some(off) if !off.is_empty() && !off.starts_with(' ') => off,
        _ => line,
    });
    set.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_is_read_as_it_is() {
    let (_, settings) = read(&example::text(), &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.providers.len(), 1);
    assert_eq!(settings.summarizers.len(), 1);
}

#[test]
fn the_example_is_read_with_every_field_set() {
    let one_key = all_set().replace("api_key_file =", "# api_key_file =");
    let (_, settings) = read(&one_key, &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.providers["anthropic"].headers.len(), 1);
}

#[test]
fn the_example_names_every_field_of_the_schema_and_no_other() {
    let table = toml_text::read(&all_set()).expect("it is TOML");
    compare(&ROOT, &table, "");
}

fn compare(section: &'static Section, table: &Table, path: &str) {
    let mut wanted: Vec<_> = section.names().collect();
    wanted.sort_unstable();
    let found: Vec<_> = layer::sorted(table).into_iter().map(|(name, _)| name).collect();
    assert_eq!(found, wanted, "in [{path}]");
    for below in section.below {
        let at = join(path, below.key);
        let table = layer::below(table, below.key).expect("it was found");
        match below.named {
            None => compare(below.section, table, &at),
            Some(name) => {
                let table = layer::below(table, name).expect("the example's name");
                compare(below.section, table, &join(&at, name));
            }
        }
    }
}

/// After a field has changed: `cargo run -- config example > docs/highwater.example.toml`.
#[test]
fn the_example_of_the_docs_is_the_one_that_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/highwater.example.toml");
    let kept = std::fs::read_to_string(path).expect("the example is there");
    assert!(kept.trim_end() == example::text().trim_end(), "docs/highwater.example.toml is old");
}
