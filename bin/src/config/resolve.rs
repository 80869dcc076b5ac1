//! Making the settings from the merged layers, and finding what is wrong with fields that are right by themselves.

mod client;
mod limits;
pub(super) mod summarizers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater::HOUSE;
use highwater::model::{OutputLimit, Protocol};
use highwater_protocol::limit::Limits;
use highwater_protocol::retry::Backoff;

use super::examine::join;
use super::layer::{self, Table, ValueKind};
use super::mistake::Mistake;
use super::parameters;
use super::presets;
use super::settings::{KeySource, ModelSettings, Provider, Settings};
use super::suggest::did_you_mean;

/// The settings. What is missing or wrong is put in their place by something and told in `found`, so that all of it is
/// found at once; the settings are good for something only if nothing was. `beside` is the directory of the file.
pub(super) fn resolve(table: &Table, beside: &Path, found: &mut Vec<Mistake>) -> Settings {
    let empty = Table::new();
    let tables = layer::below(table, "providers").unwrap_or(&empty);
    let providers: BTreeMap<String, Provider> = layer::sorted(tables)
        .into_iter()
        .filter_map(|(name, value)| {
            let (at, table) = (join("providers", name), layer::as_table(value)?);
            let others = tables.keys().map(String::as_str).filter(|other| *other != name);
            found.extend(incomplete(value, table, &at, &did_you_mean(name, others)));
            found.extend(taken(name, value, &at));
            client::refusals(table, &at, found);
            Some((name.to_owned(), provider(table, &at, beside, found)))
        })
        .collect();
    let summarizers = summarizers::resolve(table, &providers, found);
    let retry = retry(layer::below(table, "retry").unwrap_or(&empty), found);
    Settings { providers, summarizers, retry }
}

fn provider(table: &Table, at: &str, beside: &Path, found: &mut Vec<Mistake>) -> Provider {
    let key = key_source(table, at, beside, found);
    let account = limits::resolve(table, at, None, found);
    let window = whole(table, "window_tokens");
    let parameters = parameters::of(table);
    let models = layer::below(table, "models").into_iter().flat_map(layer::sorted);
    let models = models.filter_map(|(name, value)| {
        let table = layer::as_table(value)?;
        let at = join(&join(at, "models"), name);
        let limits = limits::has_any(table)
            .then(|| limits::resolve(table, &at, account.as_ref(), found))
            .flatten();
        let window_tokens = whole(table, "window_tokens").or(window);
        let mut parameters = parameters.clone();
        parameters.extend(parameters::of(table));
        Some((name.to_owned(), ModelSettings { parameters, window_tokens, limits }))
    });
    let models = models.collect();
    let headers = layer::below(table, "headers").into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| match &value.kind {
        ValueKind::String(text) => Some((name.clone(), text.clone())),
        _ => None,
    });
    let headers = headers.collect();
    same_header_twice(table, at, found);
    // What is not one of them was told when the fields were examined.
    let protocol = text(table, "protocol").and_then(|name| Protocol::named(name).ok());
    let protocol = protocol.unwrap_or(Protocol::AnthropicMessages);
    let output_limit = text(table, "output_limit").and_then(|name| OutputLimit::named(name).ok());
    let output_limit = output_limit.unwrap_or_default();
    Provider {
        protocol,
        base_url: text(table, "base_url").unwrap_or_default().trim_end_matches('/').to_owned(),
        key,
        headers,
        stream: matches!(
            table.get("stream").map(|value| &value.kind),
            Some(ValueKind::Boolean(true))
        ),
        connect_timeout: millis(table, "connect_timeout_ms"),
        read_timeout: millis(table, "read_timeout_ms"),
        output_limit,
        parameters,
        limits: account.unwrap_or_else(|| Limits::slots(1)),
        window_tokens: window,
        models,
    }
}

/// The name of the account that every house has.
fn taken(name: &str, value: &layer::Value, at: &str) -> Option<Mistake> {
    let message =
        format!("{at}: this name is taken by the account of calls that name none; choose another");
    (name == HOUSE).then(|| Mistake::new(layer::from(value), message))
}

/// Without these nothing can be called. Who misspells a provider's name, as a variable easily does, made a new one.
fn incomplete(value: &layer::Value, table: &Table, at: &str, meant: &str) -> Option<Mistake> {
    let preset = text(table, "preset").and_then(presets::layer);
    if table.contains_key("preset") && preset.is_none() {
        // That there is no such preset has been told; what it would have had is not known.
        return None;
    }
    let missing = ["protocol", "base_url"].into_iter().filter(|key| !table.contains_key(*key));
    let missing: Vec<_> = missing.map(|key| format!("`{key}`")).collect();
    let (from, names) = (layer::from(value), missing.join(" and "));
    let message = format!("{at}: {names} missing; set that, or a `preset` that has it{meant}");
    (!missing.is_empty()).then(|| Mistake::new(from, message))
}

fn key_source(table: &Table, at: &str, beside: &Path, found: &mut Vec<Mistake>) -> KeySource {
    let variable = text(table, "api_key_env").filter(|name| !name.is_empty());
    let file = text(table, "api_key_file");
    match (variable, file) {
        (Some(_), Some(_)) => {
            let from = layer::from(&table["api_key_file"]);
            let message = format!(
                "{at} has both `api_key_env` and `api_key_file`; a key has one place, leave one of them out"
            );
            found.push(Mistake::new(from, message));
            KeySource::Nowhere
        }
        (Some(variable), None) => KeySource::Variable(variable.to_owned()),
        (None, Some(file)) => KeySource::File(relative_to(beside, file)),
        (None, None) => KeySource::Nowhere,
    }
}

/// A path of the file is meant from where the file is, not from where the program is started.
fn relative_to(beside: &Path, file: &str) -> PathBuf {
    beside.join(file)
}

fn same_header_twice(table: &Table, at: &str, found: &mut Vec<Mistake>) {
    let mut seen = BTreeMap::new();
    for (name, value) in layer::below(table, "headers").into_iter().flat_map(layer::sorted) {
        if let Some(other) = seen.insert(name.to_lowercase(), name) {
            let message = format!("{at}: the headers `{other}` and `{name}` are the same one");
            found.push(Mistake::new(layer::from(value), message));
        }
    }
}

fn retry(table: &Table, found: &mut Vec<Mistake>) -> Backoff {
    let (base, cap) = (millis(table, "base_ms"), millis(table, "cap_ms"));
    if let (Some(base_ms), Some(cap_ms)) = (whole(table, "base_ms"), whole(table, "cap_ms"))
        && base_ms > cap_ms
    {
        let from = layer::from(&table["base_ms"]).max(layer::from(&table["cap_ms"]));
        let message = format!(
            "retry.base_ms is {base_ms} and retry.cap_ms {cap_ms} (milliseconds); the first wait must not exceed the cap"
        );
        found.push(Mistake::new(from, message));
    }
    let attempts = whole(table, "attempts").and_then(|attempts| u32::try_from(attempts).ok());
    Backoff { base, cap, attempts: attempts.unwrap_or(1) }
}

/// A text, if there is one and it is a text.
fn text<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    match &table.get(key)?.kind {
        ValueKind::String(text) => Some(text),
        _ => None,
    }
}

/// A number, if there is one and it is not negative.
fn whole(table: &Table, key: &str) -> Option<u64> {
    match table.get(key)?.kind {
        ValueKind::I64(number) => u64::try_from(number).ok(),
        _ => None,
    }
}

fn millis(table: &Table, key: &str) -> Duration {
    Duration::from_millis(whole(table, key).unwrap_or_default())
}
