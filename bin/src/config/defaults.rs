//! Laying what the user wrote over presets, and those over the defaults.

use highwater_protocol::limit::Rate;

use super::layer::{self, From, Table, Value, ValueKind};
use super::presets;
use super::schema::{RATES, ROOT, Section, Unset};

/// The headers that carry a key.
const OF_A_KEY: [&str; 3] = ["authorization", "x-api-key", "api-key"];

/// The settings of a file and an environment with everything below them.
pub(super) fn lay_under(user: Table) -> Table {
    let providers = layer::below(&user, "providers").into_iter().flatten();
    let providers = providers.filter_map(|(name, value)| {
        let table = layer::as_table(value)?;
        Some((name.clone(), layer::table(under_provider(table))))
    });
    let mut under = Table::from([("providers".to_owned(), layer::table(providers.collect()))]);
    for below in ROOT.below.iter().filter(|below| below.named.is_none()) {
        under.insert(below.key.to_owned(), layer::table(defaults(below.section)));
    }
    layer::merge(&[under, user])
}

/// What lies under one provider.
fn under_provider(user: &Table) -> Table {
    let section = ROOT.below("providers").expect("the schema has it").section;
    let preset = user.get("preset").and_then(|value| match &value.kind {
        ValueKind::String(name) => presets::layer(name),
        _ => None,
    });
    let mut preset = preset.unwrap_or_default();
    let headers = layer::below(user, "headers").into_iter().flatten();
    let is_of_a_key = |name: &str| OF_A_KEY.iter().any(|known| name.eq_ignore_ascii_case(known));
    if user.contains_key("api_key_file") || headers.into_iter().any(|(name, _)| is_of_a_key(name)) {
        // Who says where the key is does not want to hear of the preset's place.
        preset.remove("api_key_env");
    }
    let mut defaults = defaults(section);
    let slots = user.get("slots").or_else(|| preset.get("slots"));
    if slots.is_some_and(|slots| matches!(slots.kind, ValueKind::I64(1))) {
        // A reserve would take the only one.
        defaults.insert("reserve_percent".to_owned(), layer::value(&From::Default, 0_i64));
    }
    defaults.extend(bursts(|rate| user.get(rate).or_else(|| preset.get(rate))));
    let models = layer::below(user, "models").into_iter().flatten();
    let models: Table = models
        .filter_map(|(name, value)| {
            let table = layer::as_table(value)?;
            Some((name.clone(), layer::table(bursts(|rate| table.get(rate)).collect())))
        })
        .collect();
    if !models.is_empty() {
        defaults.insert("models".to_owned(), layer::table(models));
    }
    layer::merge(&[defaults, preset])
}

/// The bursts of the rates that are set.
fn bursts<'a>(set: impl Fn(&str) -> Option<&'a Value>) -> impl Iterator<Item = (String, Value)> {
    RATES.into_iter().filter_map(move |(rate, burst)| match set(rate)?.kind {
        ValueKind::I64(per_minute) => {
            let rate = Rate::per_minute(u64::try_from(per_minute).ok()?);
            let at_once = i64::try_from(rate.at_once()).ok()?;
            Some((burst.to_owned(), layer::value(&From::Default, at_once)))
        }
        _ => None,
    })
}

/// The defaults of a section.
fn defaults(section: &Section) -> Table {
    let set = section.fields.iter().filter_map(|field| {
        let kind = match field.unset {
            Unset::Whole(number) => ValueKind::I64(i64::try_from(number).ok()?),
            Unset::Flag(flag) => ValueKind::Boolean(flag),
            Unset::Word(word) => ValueKind::from(word),
            Unset::NineTenths | Unset::Told(_) => return None,
        };
        Some((field.name.to_owned(), layer::value(&From::Default, kind)))
    });
    set.collect()
}
