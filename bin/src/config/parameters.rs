//! Parameters that are sent as they are: what TOML says as JSON, and as it is printed.

use highwater::model::looks_secret;
use serde_json::{Map, Number, Value as Json};

use super::layer::{self, Table, Value, ValueKind};
use super::texts::{MASK, is_credential};

/// What a value is in JSON; none for dates and for what is no number, which JSON does not have.
pub(super) fn json(kind: &ValueKind) -> Option<Json> {
    Some(match kind {
        ValueKind::String(text) => Json::from(text.as_str()),
        ValueKind::I64(number) => Json::from(*number),
        ValueKind::Boolean(flag) => Json::from(*flag),
        ValueKind::Float(number) => Json::Number(Number::from_f64(*number)?),
        ValueKind::Array(list) => {
            Json::Array(list.iter().map(|each| json(&each.kind)).collect::<Option<_>>()?)
        }
        ValueKind::Table(table) => {
            let each = layer::sorted(table).into_iter();
            let each = each.map(|(name, value)| Some((name.to_owned(), json(&value.kind)?)));
            Json::Object(each.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// The parameters of a provider or a model. What JSON does not have was told when the fields were examined.
pub(super) fn of(table: &Table) -> Map<String, Json> {
    let each = layer::below(table, "parameters").into_iter().flat_map(layer::sorted);
    each.filter_map(|(name, value)| Some((name.to_owned(), json(&value.kind)?))).collect()
}

/// What a variable's text is for a parameter: a number or a flag where it looks like one.
pub(super) fn read(text: &str) -> ValueKind {
    let number = || text.parse::<i64>().map(ValueKind::from).ok();
    let flag = || text.parse::<bool>().map(ValueKind::from).ok();
    let digits = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    let fraction = || text.parse::<f64>().ok().filter(|_| digits(text)).map(ValueKind::from);
    number().or_else(flag).or_else(fraction).unwrap_or_else(|| ValueKind::from(text))
}

/// A parameter as it is printed: without texts that look like credentials.
pub(super) fn shown(name: &str, value: &Value) -> Json {
    masked(name, json(&value.kind).unwrap_or_default())
}

fn masked(name: &str, value: Json) -> Json {
    match value {
        Json::String(text) if looks_secret(name) || is_credential(&text) => MASK.into(),
        Json::Array(list) => list.into_iter().map(|each| masked(name, each)).collect(),
        Json::Object(entries) => {
            let each = entries.into_iter().map(|(name, value)| {
                let value = masked(&name, value);
                (name, value)
            });
            Json::Object(each.collect())
        }
        other => other,
    }
}

/// A value as TOML has it, which is JSON but for tables.
pub(super) fn toml(value: &Json) -> String {
    match value {
        Json::Array(list) => {
            format!("[{}]", list.iter().map(toml).collect::<Vec<_>>().join(", "))
        }
        Json::Object(entries) => {
            let each = entries.iter();
            let each =
                each.map(|(name, value)| format!("{} = {}", Json::from(&**name), toml(value)));
            format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::toml_text;

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        let text = "[parameters]\na = 'b'\nlist = [1, 2.5, { \"x y\" = true }]\n\
                    [parameters.thinking]\ntype = 'disabled'\nbudget_tokens = 0\n";
        let parameters = of(&toml_text::read(text).expect("it is TOML"));
        assert_eq!(parameters["thinking"]["budget_tokens"], 0);
        assert_eq!(parameters["list"][2]["x y"], true);
        let printed = parameters.iter().map(|(name, value)| format!("{name} = {}\n", toml(value)));
        let printed = format!("[parameters]\n{}", printed.collect::<String>());
        assert_eq!(of(&toml_text::read(&printed).expect("it is TOML")), parameters, "{printed}");
    }

    #[test]
    fn texts_that_look_like_credentials_are_masked_at_every_depth() {
        let text = "a = { api_key = 'sk-tidal', max_tokens = 5, b = ['Bearer sk-tidal', 'c'] }";
        let table = toml_text::read(text).expect("it is TOML");
        let shown = shown("a", &table["a"]);
        let wanted = serde_json::json!({ "api_key": "***", "max_tokens": 5, "b": ["***", "c"] });
        assert_eq!(shown, wanted);
    }

    #[test]
    fn a_variable_is_what_it_looks_like() {
        for (text, wanted) in [
            ("low", serde_json::json!("low")),
            ("false", false.into()),
            ("12", 12.into()),
            ("0.5", serde_json::json!(0.5)),
            ("inf", "inf".into()),
        ] {
            assert_eq!(json(&read(text)), Some(wanted));
        }
    }
}
