//! What the library's client refuses of a provider: it is the one that says what can be sent, and where. Nothing is
//! sent. Each field is tried by itself, so that each mistake has its place.

use highwater::model::{Endpoint, HttpClient, Protocol};

use super::text;
use crate::config::examine::{MOST_TOLD, join};
use crate::config::layer::{self, Table, Value, ValueKind};
use crate::config::mistake::Mistake;
use crate::config::parameters;
use crate::config::texts;

/// An address that is always right, for trying what is not an address.
const LOOPBACK: &str = "http://127.0.0.1";

/// Stands for any model's name.
const MODEL: &str = "model";

pub(super) fn refusals(table: &Table, at: &str, found: &mut Vec<Mistake>) {
    // What is no protocol at all was told when the fields were examined, and says nothing of the others.
    let Some(protocol) = text(table, "protocol").and_then(|name| Protocol::named(name).ok()) else {
        return;
    };
    let bare = |base_url: &str| Endpoint::new(protocol, base_url, MODEL);
    let mut hold = |endpoint: Endpoint, value: &Value, at: &str| {
        if let Err(error) = HttpClient::new(endpoint) {
            let message = format!("{at}: {}", error.message());
            found.push(Mistake::new(layer::from(value), message));
        }
    };
    if let Some(base_url) = text(table, "base_url").filter(|url| texts::is_base_url(url)) {
        hold(bare(base_url), &table["base_url"], &join(at, "base_url"));
    }
    for (name, value) in layer::below(table, "headers").into_iter().flat_map(layer::sorted) {
        if let ValueKind::String(text) = &value.kind
            && name.len() <= MOST_TOLD
        {
            let mut endpoint = bare(LOOPBACK);
            endpoint.headers.insert(name.to_owned(), text.clone());
            hold(endpoint, value, &join(&join(at, "headers"), name));
        }
    }
    let models = layer::below(table, "models").into_iter().flat_map(layer::sorted);
    let models = models.filter_map(|(name, value)| {
        Some((join(&join(at, "models"), name), layer::as_table(value)?))
    });
    for (at, table) in std::iter::once((at.to_owned(), table)).chain(models) {
        for (name, value) in layer::below(table, "parameters").into_iter().flat_map(layer::sorted) {
            if let Some(sent) = parameters::json(&value.kind) {
                let mut endpoint = bare(LOOPBACK);
                endpoint.parameters.insert(name.to_owned(), sent);
                hold(endpoint, value, &join(&join(&at, "parameters"), name));
            }
        }
    }
}
