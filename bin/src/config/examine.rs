//! Holding the settings against the schema: unknown names, wrong kinds, numbers out of range. All that is wrong is
//! found at once; what depends on several fields is found when the settings are made.

use super::layer::{self, Table, Value, ValueKind};
use super::mistake::Mistake;
use super::parameters;
use super::schema::{Field, Kind, Section};
use super::suggest::did_you_mean;
use super::texts::{is_model_name, is_name};

/// Finds what is wrong in a table and below it, `path` being where it stands.
pub(super) fn examine(section: &Section, table: &Table, path: &str, found: &mut Vec<Mistake>) {
    for (key, value) in layer::sorted(table) {
        let at = join(path, key);
        if let Some(field) = section.field(key) {
            found.extend(fault(field, value, &at));
        } else if let Some(below) = section.below(key) {
            let Some(table) = table_at(value, &at, found) else { continue };
            if below.named.is_some() {
                examine_named(below.section, table, &at, found);
            } else {
                examine(below.section, table, &at, found);
            }
        } else {
            found.push(Mistake::new(layer::from(value), unknown(key, path, section)));
        }
    }
}

/// The same for tables by names of the user's.
fn examine_named(section: &Section, table: &Table, path: &str, found: &mut Vec<Mistake>) {
    for (name, value) in layer::sorted(table) {
        let at = join(path, name);
        let (good, may_be) = if path == "providers" {
            (is_name(name), "up to 64 letters and digits, and `-`, `_` and `.` between them")
        } else {
            (is_model_name(name), "up to 256 printable characters")
        };
        if !good {
            let message = format!("{at} is no name that can be used; it may have {may_be}");
            found.push(Mistake::new(layer::from(value), message));
        }
        if let Some(table) = table_at(value, &at, found) {
            examine(section, table, &at, found);
        }
    }
}

fn table_at<'a>(value: &'a Value, at: &str, found: &mut Vec<Mistake>) -> Option<&'a Table> {
    let table = layer::as_table(value);
    if table.is_none() {
        let message = format!("{at} must be a table, [{at}], not {}", layer::told(&value.kind));
        found.push(Mistake::new(layer::from(value), message));
    }
    table
}

/// What to say of a name that nothing has.
pub(super) fn unknown(key: &str, path: &str, section: &Section) -> String {
    let place = if path.is_empty() { String::new() } else { format!(" in {path}") };
    let key = join("", key);
    let of_a_key = ["api_key", "apikey", "api-key", "key", "token", "secret", "password"];
    if of_a_key.contains(&key.to_lowercase().as_str()) {
        return format!(
            "`{key}`{place} is refused, keys do not stand among settings; put it into an environment variable and name \
             that with `api_key_env`, or into a file and name that with `api_key_file`"
        );
    }
    format!("unknown key `{key}`{place}{}", did_you_mean(&key, section.names()))
}

/// What is wrong with a value.
fn fault(field: &Field, value: &Value, at: &str) -> Vec<Mistake> {
    let from = layer::from(value);
    let wrong = || {
        let told = layer::told(&value.kind);
        vec![Mistake::new(
            from.clone(),
            format!("{at} must be {}, not {told}", field.kind.must_be()),
        )]
    };
    match (&field.kind, &value.kind) {
        (Kind::Whole { least, most, .. }, ValueKind::I64(number))
            if u64::try_from(*number).is_ok_and(|number| (*least..=*most).contains(&number)) =>
        {
            Vec::new()
        }
        (Kind::Flag, ValueKind::Boolean(_)) => Vec::new(),
        (Kind::Choice(words), ValueKind::String(text)) => {
            let words = words();
            if words.contains(&text.as_str()) {
                return Vec::new();
            }
            // Whatever is near to a known word is no secret, so that the word may be told.
            let message =
                format!("{at} must be {}{}", field.kind.must_be(), did_you_mean(text, words));
            vec![Mistake::new(from, message)]
        }
        (Kind::Text { fits, .. }, ValueKind::String(text)) if fits(text) => Vec::new(),
        (Kind::Text { must_be, .. }, ValueKind::String(_)) => {
            vec![Mistake::new(from, format!("{at} must be {must_be}"))]
        }
        (Kind::Texts { fits, must_be }, ValueKind::Array(list)) => {
            let texts = list.iter().enumerate().filter_map(|(index, each)| {
                let fine = matches!(&each.kind, ValueKind::String(text) if fits(text));
                let place = layer::from(each).or_else(|| from.clone());
                (!fine).then(|| Mistake::new(place, format!("{at}[{index}] must be {must_be}")))
            });
            texts.collect()
        }
        (Kind::Headers, ValueKind::Table(headers)) => {
            let each = layer::sorted(headers).into_iter();
            let told = each.filter_map(|(name, value)| {
                let fault = match &value.kind {
                    _ if name.len() > MOST_TOLD => "has too long a name",
                    ValueKind::String(_) => return None,
                    _ => "must be a text",
                };
                Some(Mistake::new(layer::from(value), format!("{} {fault}", join(at, name))))
            });
            told.collect()
        }
        (Kind::Parameters, ValueKind::Table(parameters)) => {
            let each = layer::sorted(parameters).into_iter();
            let wrong = each.filter(|(_, value)| parameters::json(&value.kind).is_none());
            let told = wrong.map(|(name, value)| {
                let at = join(at, name);
                let message = format!("{at} has what JSON does not: a date, or no finite number");
                Mistake::new(layer::from(value), message)
            });
            told.collect()
        }
        _ => wrong(),
    }
}

/// The most characters of a name that are told: no name that can be used is longer.
pub(super) const MOST_TOLD: usize = 256;

/// A path with one more name, as TOML has it.
pub(super) fn join(path: &str, name: &str) -> String {
    let name = name.char_indices().nth(MOST_TOLD).map_or(name, |(end, _)| &name[..end]);
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let name = if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else if path.is_empty() {
        name.escape_debug().to_string()
    } else {
        format!("\"{}\"", name.escape_debug())
    };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}
