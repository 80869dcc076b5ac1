//! Environment variables as a layer over the file: `HIGHWATER__PROVIDERS__MY_TEAM__SLOTS=4`. Names of the user's cannot
//! always be written in a variable's name, so they are found by how they are folded among those that the file has.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::examine::unknown;
use super::layer::{self, From, Table, Value, ValueKind};
use super::mistake::Mistake;
use super::parameters;
use super::schema::{Field, Kind, ROOT, Section};
use super::suggest::did_you_mean;
use super::texts::folded;

const PREFIX: &str = "HIGHWATER__";

/// The environment, as a value. Not to be printed, since keys are in it.
#[derive(Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// This process's.
    pub(crate) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    #[cfg(test)]
    pub(super) fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    /// A variable that is set to something.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The settings among the variables, over a file that has these names. An empty variable is one that is not set.
    pub(super) fn layer(&self, file: &Table, mistakes: &mut Vec<Mistake>) -> Table {
        let mut table = Table::new();
        for (variable, text) in &self.0 {
            let Some((variable, name)) = variable.to_str().and_then(setting) else { continue };
            if text.is_empty() {
                continue;
            }
            let from = From::Environment(variable.to_owned());
            let read = text.to_str().ok_or_else(|| "holds bytes that are not UTF-8".to_owned());
            let placed = read.and_then(|text| {
                let segments: Vec<&str> = name.split("__").collect();
                place(&segments, text, &from, file, &mut table)
            });
            if let Err(message) = placed {
                mistakes.push(Mistake::new(Some(from), message));
            }
        }
        table
    }
}

/// A variable that is a setting, and what its name says behind the prefix; in capitals or not.
fn setting(variable: &str) -> Option<(&str, &str)> {
    let (prefix, name) = variable.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some((variable, name))
}

/// Puts one variable where its name says.
fn place(
    segments: &[&str],
    text: &str,
    from: &From,
    file: &Table,
    into: &mut Table,
) -> Result<(), String> {
    let mut path = Vec::new();
    let mut rest = segments;
    let mut section: &Section = &ROOT;
    let mut known = Some(file);
    loop {
        let [segment, behind @ ..] = rest else {
            return Err("names a table; a field's name is missing behind it".to_owned());
        };
        let key = segment.to_lowercase();
        if let Some(field) = section.field(&key) {
            known = known.and_then(|table| layer::below(table, &key));
            path.push(key);
            return field_value(field, behind, text, from, known, &mut path)
                .and_then(|value| put(into, &path, value));
        }
        let Some(below) = section.below(&key) else {
            return Err(unknown(&key, &path.join("."), section));
        };
        known = known.and_then(|table| layer::below(table, &key));
        path.push(key);
        rest = behind;
        section = below.section;
        if below.named.is_some() {
            let [name, behind @ ..] = rest else {
                return Err("names a table; one of its names is missing behind it".to_owned());
            };
            let name = found(name, known, path.len() == 1)?;
            known = known.and_then(|table| layer::below(table, &name));
            path.push(name);
            rest = behind;
        }
    }
}

/// The name of the file that folds to a segment. A provider that the file has not may be made; a model may not, since
/// its name cannot be told.
fn found(segment: &str, known: Option<&Table>, may_be_new: bool) -> Result<String, String> {
    let wanted = segment.to_lowercase();
    let known: Vec<&str> = known
        .map(|table| layer::sorted(table).into_iter().map(|(name, _)| name).collect())
        .unwrap_or_default();
    let mut fitting = known.iter().filter(|name| folded(name) == wanted);
    match (fitting.next(), fitting.next()) {
        (Some(name), None) => Ok((*name).to_owned()),
        (Some(one), Some(other)) => {
            Err(format!("may mean `{one}` or `{other}` of the file; set it there"))
        }
        (None, _) if may_be_new => Ok(wanted),
        (None, _) => Err(format!(
            "the file has no model that is written `{segment}` in a variable; a model has to stand there{}",
            did_you_mean(&wanted, known)
        )),
    }
}

/// What a variable's text is for a field. A text that is not of its kind is kept, and found when all is checked.
fn field_value(
    field: &Field,
    behind: &[&str],
    text: &str,
    from: &From,
    known: Option<&Table>,
    path: &mut Vec<String>,
) -> Result<Value, String> {
    if let (Kind::Headers, [name]) = (&field.kind, behind) {
        let header = found(name, known, true)?;
        path.push(if header == name.to_lowercase() { header.replace('_', "-") } else { header });
        return Ok(layer::value(from, text));
    }
    if let (Kind::Parameters, [name]) = (&field.kind, behind) {
        path.push(found(name, known, true)?);
        return Ok(layer::value(from, parameters::read(text.trim())));
    }
    if !behind.is_empty() || matches!(field.kind, Kind::Headers | Kind::Parameters) {
        return Err(format!("`{}` is {}", field.name, field.kind.must_be()));
    }
    let trimmed = text.trim();
    Ok(match field.kind {
        Kind::Whole { .. } => match trimmed.parse::<i64>() {
            Ok(number) => layer::value(from, number),
            Err(_) => layer::value(from, text),
        },
        Kind::Flag => match trimmed.parse::<bool>() {
            Ok(flag) => layer::value(from, flag),
            Err(_) => layer::value(from, text),
        },
        Kind::Texts { .. } => {
            let each = trimmed.split(',').map(|each| layer::value(from, each.trim()));
            layer::value(from, ValueKind::Array(each.collect()))
        }
        Kind::Choice(_) | Kind::Text { .. } | Kind::Headers | Kind::Parameters => {
            layer::value(from, trimmed)
        }
    })
}

fn put(into: &mut Table, path: &[String], value: Value) -> Result<(), String> {
    let [key, rest @ ..] = path else { return Ok(()) };
    if rest.is_empty() {
        return match into.insert(key.clone(), value).as_ref().and_then(layer::from) {
            Some(other) => Err(format!("sets what {} sets; unset one of them", other.place(""))),
            None => Ok(()),
        };
    }
    let below = into.entry(key.clone()).or_insert_with(|| layer::table(Table::new()));
    match &mut below.kind {
        ValueKind::Table(table) => put(table, rest, value),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::toml_text;

    const FILE: &str = "[providers.my-team]\npreset='ollama'\nheaders.X-Team='a'\n\
                        [providers.my-team.models.'qwen3:8b']\n[providers.a-b]\n[providers.a_b]\n";

    fn layer_of(variables: &[(&str, &str)]) -> (Table, Vec<Mistake>) {
        let file = toml_text::read(FILE).expect("it is TOML");
        let mut mistakes = Vec::new();
        let layer = Environment::of(variables).layer(&file, &mut mistakes);
        (layer, mistakes)
    }

    /// A variable's name reaches a path.
    #[track_caller]
    fn check(variable: &str, path: &[&str]) {
        let (table, mistakes) = layer_of(&[(variable, "7")]);
        assert_eq!(mistakes, [], "{variable}");
        let mut value = layer::table(table);
        for key in path {
            let table = layer::as_table(&value).expect("a table");
            value = table.get(*key).unwrap_or_else(|| panic!("{key} of {path:?}")).clone();
        }
        assert_eq!(layer::from(&value), Some(From::Environment(variable.to_owned())));
    }

    #[test]
    fn names_of_the_file_are_reached_however_they_are_written() {
        check("HIGHWATER__RETRY__ATTEMPTS", &["retry", "attempts"]);
        check("highwater__retry__attempts", &["retry", "attempts"]);
        check("HIGHWATER__PROVIDERS__MY_TEAM__SLOTS", &["providers", "my-team", "slots"]);
        check("HIGHWATER__PROVIDERS__other__SLOTS", &["providers", "other", "slots"]);
        let model = ["providers", "my-team", "models", "qwen3:8b", "window_tokens"];
        check("HIGHWATER__PROVIDERS__MY_TEAM__MODELS__QWEN3_8B__WINDOW_TOKENS", &model);
        let header = ["providers", "my-team", "headers", "X-Team"];
        check("HIGHWATER__PROVIDERS__MY_TEAM__HEADERS__X_TEAM", &header);
        let parameter = ["providers", "my-team", "parameters", "reasoning_effort"];
        check("HIGHWATER__PROVIDERS__MY_TEAM__PARAMETERS__REASONING_EFFORT", &parameter);
        let header = ["providers", "my-team", "headers", "x-new-one"];
        check("HIGHWATER__PROVIDERS__MY_TEAM__HEADERS__X_NEW_ONE", &header);
    }

    #[test]
    fn what_leads_nowhere_says_why() {
        for (variable, wanted) in [
            ("HIGHWATER__RETRI__ATTEMPTS", "unknown key `retri`; did you mean `retry`?"),
            ("HIGHWATER__RETRY__ATTEMPT", "in retry; did you mean `attempts`?"),
            ("HIGHWATER__PROVIDERS__MY_TEAM__API_KEY", "`api_key` in providers.my-team is refused"),
            ("HIGHWATER__RETRY", "a field's name is missing"),
            ("HIGHWATER__PROVIDERS", "one of its names is missing"),
            ("HIGHWATER__PROVIDERS__A_B__SLOTS", "may mean `a-b` or `a_b`"),
            ("HIGHWATER__PROVIDERS__MY_TEAM__MODELS__QWEN__SLOTS", "has no model"),
            ("HIGHWATER__PROVIDERS__MY_TEAM__HEADERS", "a table of header names"),
            ("HIGHWATER__RETRY__ATTEMPTS__X", "a whole number"),
        ] {
            let (_, mistakes) = layer_of(&[(variable, "sk-secret")]);
            let [mistake] = &mistakes[..] else { panic!("{variable}: {mistakes:?}") };
            assert!(mistake.message.contains(wanted), "{variable}: {}", mistake.message);
            assert!(!mistake.message.contains("sk-secret"));
        }
    }

    #[test]
    fn two_variables_of_one_setting_are_a_mistake() {
        let (_, mistakes) =
            layer_of(&[("HIGHWATER__RETRY__ATTEMPTS", "4"), ("highwater__retry__attempts", "5")]);
        let [mistake] = &mistakes[..] else { panic!("{mistakes:?}") };
        assert_eq!(mistake.from, Some(From::Environment("highwater__retry__attempts".to_owned())));
        assert!(mistake.message.contains("sets what HIGHWATER__RETRY__ATTEMPTS sets"));
    }

    #[test]
    fn what_is_empty_or_of_others_is_no_setting() {
        let variables = [("HIGHWATER__RETRY__ATTEMPTS", ""), ("HIGHWATER_CONFIG", "x"), ("A", "b")];
        assert_eq!(layer_of(&variables), (Table::new(), Vec::new()));
    }
}
