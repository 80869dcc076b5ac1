//! Reading the file. The only module that names the `toml` crate, which tells lines and keeps the words of its errors
//! apart from the text of the file: a line that cannot be read may hold a secret.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::layer::{self, From, Table, Value, ValueKind};
use super::mistake::Mistake;

/// The file as a layer, and every place where it is no TOML.
pub(super) fn read(text: &str) -> Result<Table, Vec<Mistake>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(lines.table(table.get_ref()));
    }
    let mistakes = errors.iter().map(|error| {
        let from = error.span().map(|span| From::File(lines.line(span.start)));
        Mistake::new(from, format!("is not TOML: {}", error.message()))
    });
    Err(mistakes.collect())
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    /// The number of the line that holds a byte, from 1.
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|begin| *begin <= at)
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let entries = table.iter().map(|(key, value)| {
            let line = self.line(key.span().start);
            (key.get_ref().to_string(), self.value(value, line))
        });
        entries.collect()
    }

    /// A value is where its key is.
    fn value(&self, value: &Spanned<DeValue<'_>>, line: usize) -> Value {
        let kind = match value.get_ref() {
            DeValue::Table(table) => ValueKind::Table(self.table(table)),
            DeValue::Array(list) => {
                let each = list.iter().map(|each| self.value(each, self.line(each.span().start)));
                ValueKind::Array(each.collect())
            }
            DeValue::String(text) => ValueKind::String(text.to_string()),
            DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(ValueKind::Nil, ValueKind::I64),
            DeValue::Float(number) => {
                number.as_str().parse().map_or(ValueKind::Nil, ValueKind::Float)
            }
            DeValue::Datetime(_) => ValueKind::Nil,
        };
        layer::value(&From::File(line), kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_remembers_its_line() {
        let text = "[providers.a]\nslots = 0x10\n\nheaders = { x = \"1\",\n  y = \"2\" }\n[retry]\nbase_ms=1";
        let table = read(text).expect("it is TOML");
        let provider = layer::below(&table, "providers").and_then(|all| layer::below(all, "a"));
        let provider = provider.expect("it is a table");
        assert_eq!(layer::told(&provider["slots"].kind), "16");
        assert_eq!(layer::from(&provider["slots"]), Some(From::File(2)));
        let headers = layer::as_table(&provider["headers"]).expect("a table");
        assert_eq!(layer::from(&headers["y"]), Some(From::File(5)));
        assert_eq!(layer::from(&table["retry"]), Some(From::File(7)));
    }

    #[test]
    fn every_broken_line_is_named_and_none_is_repeated() {
        for (text, lines) in [
            ("a = 1\nb = \"sk-secret\nc = 2", vec![2]),
            ("[x]\ny = sk-secret\n\n[x]\nz = = sk-secret", vec![2, 4, 5]),
            ("a = 1\na = 'sk-secret'", vec![2]),
        ] {
            let mistakes = read(text).expect_err("it is no TOML");
            let mut found: Vec<usize> = mistakes
                .iter()
                .map(|mistake| match mistake.from {
                    Some(From::File(line)) => line,
                    _ => panic!("no line: {mistake:?}"),
                })
                .collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, lines, "{mistakes:?}");
            assert!(!format!("{mistakes:?}").contains("secret"), "{mistakes:?}");
        }
    }
}
