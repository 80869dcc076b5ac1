//! The example file is the schema: it is read, it names every field, and the one in `docs` is the same.

use std::path::Path;

use highwater_protocol::caps::MAX_FOCUS_BYTES;
use highwater_protocol::chunk::{self, Shares};
use highwater_protocol::{TokenCount, prompt};

use super::{Environment, read};
use crate::config::Loaded;
use crate::config::check::report;
use crate::config::examine::join;
use crate::config::example;
use crate::config::layer::{self, Table};
use crate::config::schema::{Field, Kind, LEAST_WINDOW, RATES, ROOT, Section};
use crate::config::toml_text;

/// What the largest call of a pass takes in a window: the prompt with this focus, its data, and its answer.
fn largest_call(window: u64, focus: Option<&str>) -> u64 {
    let overhead = prompt::overhead(focus);
    let shares = Shares::of(TokenCount(window), overhead, TokenCount(u64::MAX));
    (overhead + shares.data + chunk::limit(shares.answer)).0
}

#[test]
fn in_the_least_window_every_call_of_a_pass_fits() {
    let longest: [String; 3] =
        ["word ", "0x9f, ", "\u{6f6e}"].map(|part| part.repeat(MAX_FOCUS_BYTES / part.len()));
    let fits = |window: u64, focus: Option<&str>| largest_call(window, focus) <= window;
    for focus in longest.iter().map(|focus| Some(focus.as_str())).chain([None]) {
        assert!(fits(LEAST_WINDOW, focus), "{} tokens", largest_call(LEAST_WINDOW, focus));
    }
    assert!(longest.iter().any(|focus| !fits(LEAST_WINDOW / 2, Some(focus))), "it is the least");
    assert!(!fits(1_024, None));
}

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

/// A value that a field has neither by default nor by a preset.
fn other_value(field: &Field) -> String {
    match (&field.kind, field.name) {
        (Kind::Whole { least, .. }, _) => (least + 10).to_string(),
        (Kind::Flag, _) => "false".to_owned(),
        (Kind::Choice(_), "preset") => "'vllm'".to_owned(),
        (Kind::Choice(words), _) => format!("'{}'", words().last().expect("there are some")),
        (Kind::Text { .. }, "base_url") => "'https://x.example'".to_owned(),
        (Kind::Text { .. }, "api_key_file") => "'/x'".to_owned(),
        (Kind::Text { .. }, _) => "'OTHER'".to_owned(),
        (Kind::Texts { .. }, _) => "['x/m']".to_owned(),
        (Kind::Headers | Kind::Parameters, _) => "{ a = 'b' }".to_owned(),
    }
}

/// What `check --json` says of a provider with these further lines.
fn reported(provider: &str, model: &str, rest: &str) -> serde_json::Value {
    let preset = if provider.contains("preset") { "" } else { "preset = 'anthropic'" };
    let text =
        format!("[providers.x]\n{preset}\n{provider}\n[providers.x.models.m]\n{model}\n{rest}");
    let (table, settings) = read(&text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    report::json(&Loaded { file: None, table, settings }, &[], &Environment::default())
}

#[test]
fn every_field_reaches_the_settings() {
    let section = |key: &str| ROOT.below(key).expect("the schema has it").section;
    let provider = section("providers");
    let model = provider.below("models").expect("the schema has it").section;
    let mut seen = 0;
    let mut differ = |one: serde_json::Value, other: serde_json::Value, name: &str| {
        seen += 1;
        assert_ne!(one, other, "{name} changes nothing");
    };
    for (fields, of_model) in [(provider.fields, false), (model.fields, true)] {
        for field in fields {
            let rate = RATES.iter().find(|(_, burst)| *burst == field.name);
            let without = rate.map(|(rate, _)| format!("{rate} = 1000")).unwrap_or_default();
            let with = format!("{without}\n{} = {}", field.name, other_value(field));
            let report = |lines: &str| {
                if of_model { reported("", lines, "") } else { reported(lines, "", "") }
            };
            differ(report(&without), report(&with), field.name);
        }
    }
    for key in ["summarizer", "retry"] {
        for field in section(key).fields {
            let without = if field.name == "cap_ms" { "base_ms = 5" } else { "" };
            let with = format!("[{key}]\n{without}\n{} = {}", field.name, other_value(field));
            let without = format!("[{key}]\n{without}");
            differ(reported("", "", &without), reported("", "", &with), field.name);
        }
    }
    assert!(seen > 30, "{seen}");
}
