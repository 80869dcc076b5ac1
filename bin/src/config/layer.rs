//! Layers of settings and how one lies over the other. The only module that names the `config` crate: it merges the
//! layers, and its values carry where they came from.

use std::fmt;

use ::config::builder::{ConfigBuilder, DefaultState};
use ::config::{Config, ConfigError, Map, Source};
pub(super) use ::config::{Value, ValueKind};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum From {
    /// In the file, in this line.
    File(usize),
    /// In this environment variable.
    Environment(String),
    /// In this preset.
    Preset(String),
    /// Nowhere: it is what holds when nobody says anything.
    Default,
}

impl From {
    /// The place as people look for it.
    pub(super) fn place(&self, file: &str) -> String {
        match self {
            Self::File(line) => format!("{file}:{line}"),
            Self::Environment(name) => name.clone(),
            Self::Preset(name) => format!("preset {name}"),
            Self::Default => "default".to_owned(),
        }
    }

    /// The kind of place, for programs.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Environment(_) => "environment",
            Self::Preset(_) => "preset",
            Self::Default => "default",
        }
    }

    /// Whether the user wrote there.
    pub(super) fn is_the_users(&self) -> bool {
        matches!(self, Self::File(_) | Self::Environment(_))
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        Some(match kind {
            "file" => Self::File(rest.parse().ok()?),
            "environment" => Self::Environment(rest.to_owned()),
            "preset" => Self::Preset(rest.to_owned()),
            _ => Self::Default,
        })
    }
}

/// What the crate carries as a text.
impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(line) => write!(f, "file:{line}"),
            Self::Environment(name) => write!(f, "environment:{name}"),
            Self::Preset(name) => write!(f, "preset:{name}"),
            Self::Default => f.write_str("default:"),
        }
    }
}

/// Settings by name, in no order: see [`sorted`].
pub(super) type Table = Map<String, Value>;

/// A value that remembers where it was written.
pub(super) fn value(from: &From, kind: impl Into<ValueKind>) -> Value {
    Value::new(Some(&from.to_string()), kind)
}

/// A table of no place of its own.
pub(super) fn table(entries: Table) -> Value {
    Value::new(None, ValueKind::Table(entries))
}

/// Where a value was written. A table is where the first of its parts is that the user wrote, since they may come from
/// several places; without any, it is where it was written itself.
pub(super) fn from(value: &Value) -> Option<From> {
    let own = value.origin().and_then(From::parse);
    let ValueKind::Table(entries) = &value.kind else { return own };
    let first = entries.values().filter_map(from).min();
    if first.as_ref().is_some_and(From::is_the_users) { first } else { own.or(first) }
}

/// The table that a value is.
pub(super) fn as_table(value: &Value) -> Option<&Table> {
    match &value.kind {
        ValueKind::Table(entries) => Some(entries),
        _ => None,
    }
}

/// A table below, if there is one.
pub(super) fn below<'a>(entries: &'a Table, key: &str) -> Option<&'a Table> {
    entries.get(key).and_then(as_table)
}

/// What a table holds, by name.
pub(super) fn sorted(entries: &Table) -> Vec<(&str, &Value)> {
    let mut all: Vec<_> = entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
    all.sort_by_key(|(key, _)| *key);
    all
}

/// What kind of value stands somewhere, for a sentence that says what should. Texts are not repeated: they may be
/// secrets.
pub(super) fn told(kind: &ValueKind) -> String {
    match kind {
        ValueKind::String(_) => "a text".to_owned(),
        ValueKind::I64(number) => number.to_string(),
        ValueKind::Float(_) => "a fraction".to_owned(),
        ValueKind::Boolean(flag) => flag.to_string(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        _ => "a value of another kind".to_owned(),
    }
}

/// The key that everything stands under while it is merged: the crate reads dots and brackets in topmost keys.
const ROOT: &str = "settings";

#[derive(Clone, Debug)]
struct Layer(Table);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Table, ConfigError> {
        Ok(Map::from([(ROOT.to_owned(), table(self.0.clone()))]))
    }
}

/// Lays tables over each other. Of two values of one name the later table's holds; tables are merged.
pub(super) fn merge(layers: &[Table]) -> Table {
    let add = |builder: ConfigBuilder<DefaultState>, entries: &Table| {
        builder.add_source(Layer(entries.clone()))
    };
    let merged = layers.iter().fold(Config::builder(), add).build();
    let merged = merged.expect("layers in memory are always collected");
    let mut merged = as_table(&merged.cache).cloned().unwrap_or_default();
    let Some(Value { kind: ValueKind::Table(mut merged), .. }) = merged.remove(ROOT) else {
        return Table::new();
    };
    remember(&mut merged, &layers.iter().collect::<Vec<_>>());
    merged
}

/// Gives the tables of a merged one their places back, which the crate drops.
fn remember(merged: &mut Table, layers: &[&Table]) {
    for (key, value) in merged {
        let ValueKind::Table(entries) = &mut value.kind else { continue };
        let written: Vec<&Value> = layers.iter().filter_map(|layer| layer.get(key)).collect();
        remember(entries, &written.iter().copied().filter_map(as_table).collect::<Vec<_>>());
        let place = written.iter().find_map(|value| value.origin().map(str::to_owned));
        *value = Value::new(place.as_ref(), std::mem::take(entries));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(from: &From, key: &str, kind: impl Into<ValueKind>) -> Table {
        Table::from([(key.to_owned(), value(from, kind))])
    }

    #[test]
    fn the_later_layer_holds_and_says_where_it_is_from() {
        let environment = From::Environment("HIGHWATER__X".to_owned());
        let low = Table::from([("a.b[3]".to_owned(), table(one(&From::File(2), "x", 1_i64)))]);
        let more = Table::from([("a.b[3]".to_owned(), table(one(&From::File(5), "y", 2_i64)))]);
        let high = Table::from([("a.b[3]".to_owned(), table(one(&environment, "x", 3_i64)))]);
        let merged = merge(&[low, more, high]);
        let entries = below(&merged, "a.b[3]").expect("names keep their dots and brackets");
        let found: Vec<_> = sorted(entries)
            .into_iter()
            .map(|(key, value)| (key, told(&value.kind), from(value)))
            .collect();
        let x = ("x", "3".to_owned(), Some(environment));
        assert_eq!(found, [x, ("y", "2".to_owned(), Some(From::File(5)))]);
        assert_eq!(from(&table(entries.clone())), Some(From::File(5)), "the first of its parts");
    }

    #[test]
    fn an_empty_table_is_still_a_table() {
        let low = Table::from([("providers".to_owned(), table(Table::new()))]);
        assert!(below(&merge(&[low, Table::new()]), "providers").is_some());
    }
}
