//! The models that summarize: each is of a provider that is there, and its window is known.

use std::collections::BTreeMap;

use crate::config::examine::join;
use crate::config::layer::{self, Table, Value, ValueKind};
use crate::config::mistake::Mistake;
use crate::config::settings::{Provider, Summarizer};
use crate::config::suggest::did_you_mean;
use crate::config::texts;

pub(super) fn resolve(
    table: &Table,
    providers: &BTreeMap<String, Provider>,
    found: &mut Vec<Mistake>,
) -> Vec<Summarizer> {
    let list = layer::below(table, "summarizer").and_then(|table| table.get("models"));
    let Some(ValueKind::Array(each)) = list.map(|value| &value.kind) else {
        return Vec::new();
    };
    let mut summarizers: Vec<Summarizer> = Vec::new();
    for (index, value) in each.iter().enumerate() {
        let from = layer::from(value).or_else(|| list.and_then(layer::from));
        match one(value, providers) {
            Ok(Some(new)) if summarizers.iter().any(|old| old.is_same(&new)) => {
                let message = format!("summarizer.models[{index}] is in the list already");
                found.push(Mistake::new(from, message));
            }
            Ok(new) => summarizers.extend(new),
            Err(why) => {
                found.push(Mistake::new(from, format!("summarizer.models[{index}]: {why}")));
            }
        }
    }
    summarizers
}

/// One model; none where the value is not even one's name, which was told before.
fn one(
    value: &Value,
    providers: &BTreeMap<String, Provider>,
) -> Result<Option<Summarizer>, String> {
    let ValueKind::String(text) = &value.kind else { return Ok(None) };
    let Some((name, model)) = text.split_once('/').filter(|_| texts::is_model(text)) else {
        return Ok(None);
    };
    named(name, model, providers).map(Some)
}

/// A model of a provider that is there, and whose window is known.
pub(in crate::config) fn named(
    name: &str,
    model: &str,
    providers: &BTreeMap<String, Provider>,
) -> Result<Summarizer, String> {
    let provider = provider(name, providers)?;
    let own = provider.models.get(model);
    let window = own.map_or(provider.window_tokens, |model| model.window_tokens);
    let Some(window_tokens) = window else {
        let known = provider.models.keys().map(String::as_str);
        let at = join(&join(&join("providers", name), "models"), "MODEL");
        let meant = did_you_mean(model, known);
        return Err(format!(
            "the model's window is not known; set `window_tokens` in [{at}] or of the provider{meant}"
        ));
    };
    Ok(Summarizer { provider: name.to_owned(), model: model.to_owned(), window_tokens })
}

/// The provider of a name.
pub(in crate::config) fn provider<'a>(
    name: &str,
    providers: &'a BTreeMap<String, Provider>,
) -> Result<&'a Provider, String> {
    providers.get(name).ok_or_else(|| {
        let known: Vec<&str> = providers.keys().map(String::as_str).collect();
        let are = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let meant = did_you_mean(name, known.iter().copied());
        format!("there is no provider of that name, there are: {are}{meant}")
    })
}
