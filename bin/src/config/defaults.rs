//! Laying what the user wrote over presets, and those over the defaults.

use super::layer::{self, From, Table, ValueKind};
use super::presets;
use super::schema::{ROOT, Section, Unset};

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
    layer::merge([under, user])
}

/// What lies under one provider.
fn under_provider(user: &Table) -> Table {
    let section = ROOT.below("providers").expect("the schema has it").section;
    let preset = user.get("preset").and_then(|value| match &value.kind {
        ValueKind::String(name) => presets::layer(name),
        _ => None,
    });
    let mut preset = preset.unwrap_or_default();
    if user.contains_key("api_key_file") {
        // Who says where the key is does not want to hear of the preset's place.
        preset.remove("api_key_env");
    }
    let mut defaults = defaults(section);
    let slots = user.get("slots").or_else(|| preset.get("slots"));
    if slots.is_some_and(|slots| matches!(slots.kind, ValueKind::I64(1))) {
        // A reserve would take the only one.
        defaults.insert("reserve_percent".to_owned(), layer::value(&From::Default, 0_i64));
    }
    layer::merge([defaults, preset])
}

/// The defaults of a section.
fn defaults(section: &Section) -> Table {
    let set = section.fields.iter().filter_map(|field| {
        let kind = match field.unset {
            Unset::Whole(number) => ValueKind::I64(i64::try_from(number).ok()?),
            Unset::Flag(flag) => ValueKind::Boolean(flag),
            Unset::Told(_) => return None,
        };
        Some((field.name.to_owned(), layer::value(&From::Default, kind)))
    });
    set.collect()
}
