//! `highwater config show`: every setting that holds, and where it is from. Secrets are masked.

use std::fmt::Write;

use clap::Args;
use highwater::model::looks_secret;
use serde_json::{Value as Json, json};

use super::environment::Environment;
use super::examine::join;
use super::layer::{self, From, Table, Value, ValueKind};
use super::parameters;
use super::schema::{Kind, ROOT, Section};
use super::texts::{MASK, is_credential, shown_url};
use super::{ConfigFile, Loaded};
use crate::exit::Exit;
use crate::output::print;

/// What `show` takes.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    file: ConfigFile,
    /// Print the settings as JSON
    #[arg(long)]
    json: bool,
}

/// One setting that holds.
struct Shown {
    /// The table that it stands in.
    table: String,
    key: String,
    value: Json,
    from: From,
}

impl Show {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let loaded = Loaded::read(&self.file, &Environment::of_process())?;
        let mut shown = Vec::new();
        collect(&ROOT, &loaded.table, "", &mut shown);
        print(&if self.json {
            as_json(&loaded, &shown).to_string()
        } else {
            as_toml(&loaded, &shown)
        })?;
        Ok(Exit::Fine)
    }
}

/// The settings in the schema's order.
fn collect(section: &Section, table: &Table, path: &str, shown: &mut Vec<Shown>) {
    let mut show = |key: String, value: Json, from: &Value| {
        let from = layer::from(from).unwrap_or(From::Default);
        shown.push(Shown { table: path.to_owned(), key, value, from });
    };
    for field in section.fields {
        match table.get(field.name) {
            None => {}
            Some(value) => match layer::as_table(value) {
                None => show(field.name.to_owned(), shown_value(field.name, &value.kind), value),
                Some(named) => {
                    for (name, value) in layer::sorted(named) {
                        let shown = match field.kind {
                            Kind::Parameters => parameters::shown(name, value),
                            _ => header(name, &value.kind),
                        };
                        show(join(field.name, name), shown, value);
                    }
                }
            },
        }
    }
    for below in section.below {
        let Some(table) = layer::below(table, below.key) else { continue };
        let at = join(path, below.key);
        if below.named.is_none() {
            collect(below.section, table, &at, shown);
            continue;
        }
        for (name, value) in layer::sorted(table) {
            if let Some(table) = layer::as_table(value) {
                collect(below.section, table, &join(&at, name), shown);
            }
        }
    }
}

fn header(name: &str, kind: &ValueKind) -> Json {
    let secret = matches!(kind, ValueKind::String(text) if is_credential(text));
    if secret || looks_secret(name) { MASK.into() } else { plain(kind) }
}

fn shown_value(name: &str, kind: &ValueKind) -> Json {
    match kind {
        ValueKind::String(url) if name == "base_url" => shown_url(url).into(),
        _ => plain(kind),
    }
}

fn plain(kind: &ValueKind) -> Json {
    match kind {
        ValueKind::String(text) => json!(text),
        ValueKind::I64(number) => json!(number),
        ValueKind::Boolean(flag) => json!(flag),
        ValueKind::Array(list) => list.iter().map(|each| plain(&each.kind)).collect(),
        _ => Json::Null,
    }
}

fn as_json(loaded: &Loaded, shown: &[Shown]) -> Json {
    let settings = shown.iter().map(|setting| {
        json!({
            "key": format!("{}.{}", setting.table, setting.key),
            "value": setting.value,
            "from": setting.from.kind(),
            "place": setting.from.place(loaded.name()),
        })
    });
    json!({ "file": loaded.file, "settings": settings.collect::<Vec<_>>() })
}

/// TOML that a file may have, with the places as comments.
fn as_toml(loaded: &Loaded, shown: &[Shown]) -> String {
    let mut text = format!("# {}\n", loaded.name());
    let mut table = "";
    for setting in shown {
        if setting.table != table {
            table = &setting.table;
            let _ = write!(text, "\n[{table}]\n");
        }
        let line = format!("{} = {}", setting.key, parameters::toml(&setting.value));
        let _ = writeln!(text, "{line:<44} # {}", setting.from.place(loaded.name()));
    }
    text.trim_end().to_owned()
}
