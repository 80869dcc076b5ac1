//! The example file, made from the schema: every field with what it means, its unit, what it may be, and its default.

use std::fmt::Write;

use super::schema::{Field, Kind, ROOT, Section, Unset};

/// What the example sets; all other fields are commented out.
const SET: [&str; 2] = ["preset", "models"];

/// The whole example.
pub(super) fn text() -> String {
    let mut text = String::new();
    section(&mut text, &ROOT, "");
    text
}

fn section(text: &mut String, section_of: &Section, path: &str) {
    for line in section_of.about {
        let _ = writeln!(text, "# {line}");
    }
    if !path.is_empty() {
        let _ = writeln!(text, "[{path}]");
    }
    for each in section_of.fields {
        field(text, each);
    }
    for below in section_of.below {
        let name = below.named.map(|name| format!(".{name}")).unwrap_or_default();
        let dot = if path.is_empty() { "" } else { "." };
        text.push('\n');
        section(text, below.section, &format!("{path}{dot}{}{name}", below.key));
    }
}

fn field(text: &mut String, field: &Field) {
    text.push('\n');
    for line in field.about {
        let _ = writeln!(text, "# {line}");
    }
    let range = match field.kind {
        Kind::Whole { least, most, unit } => format!("{least} to {most} {unit}. "),
        _ => String::new(),
    };
    let unset = match field.unset {
        Unset::Whole(number) => number.to_string(),
        Unset::Flag(flag) => flag.to_string(),
        Unset::Word(word) => word.to_owned(),
        Unset::NineTenths => "nine tenths of the rate".to_owned(),
        Unset::Told(words) => words.to_owned(),
    };
    let _ = writeln!(text, "# {range}Default: {unset}.");
    let off = if SET.contains(&field.name) { "" } else { "#" };
    let _ = writeln!(text, "{off}{} = {}", field.name, field.example);
}
