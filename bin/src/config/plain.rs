//! TOML files that are no settings: sections of whole numbers. What nobody asks for is refused, with what may
//! have been meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::layer::{self, Table, Value, ValueKind};
use super::mistake::{ConfigError, Mistake};
use super::{suggest, toml_text};

/// How many mistakes are told at once: these files are short, and who has more gave one of another kind.
const MOST_TOLD: usize = 10;

/// A file, what was asked for, and what is wrong with it so far. The section without a name is the top of the file.
pub(crate) struct Sections {
    file: String,
    table: Table,
    asked: BTreeMap<&'static str, BTreeSet<&'static str>>,
    mistakes: Vec<Mistake>,
}

impl Sections {
    /// Reads a file's text. `file` is what it is called in errors.
    pub(crate) fn read(file: &str, text: &str) -> Result<Self, ConfigError> {
        let table = toml_text::read(text).map_err(|mistakes| refused(file, mistakes))?;
        Ok(Self { file: file.to_owned(), table, asked: BTreeMap::new(), mistakes: Vec::new() })
    }

    /// A file that cannot even be read.
    pub(crate) fn unreadable(file: &str, why: &str) -> ConfigError {
        ConfigError::unreadable(file, why)
    }

    /// Whether there is such a section.
    pub(crate) fn has(&self, section: &str) -> bool {
        layer::below(&self.table, section).is_some()
    }

    /// Whether the file says something for this, be it right or wrong.
    pub(crate) fn says(&self, section: &str, key: &str) -> bool {
        layer::below(&self.table, section).is_some_and(|section| section.contains_key(key))
    }

    /// A number in a range; `None` when it is not said.
    pub(crate) fn number(
        &mut self,
        section: &'static str,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.value(section, key)?;
        let number = match value.kind {
            ValueKind::I64(number) => u64::try_from(number).ok(),
            _ => None,
        };
        let legal = number.filter(|number| range.contains(number));
        if legal.is_none() {
            let (low, high) = (range.start(), range.end());
            let found = layer::told(&value.kind);
            self.wrong(&value, format!("`{key}` is {found}; it may be {low} to {high}"));
        }
        legal
    }

    /// How many mistakes were found so far.
    pub(crate) fn mistakes(&self) -> usize {
        self.mistakes.len()
    }

    /// Says that a number is wrong beside the others.
    pub(crate) fn refuse(&mut self, why: String) {
        self.mistakes.push(Mistake::new(None, why));
    }

    /// The mistakes, those included that nobody asked for.
    pub(crate) fn finish(mut self) -> Result<(), ConfigError> {
        for (name, value) in layer::sorted(&self.table) {
            match layer::as_table(value) {
                Some(section) => match self.asked.get(name) {
                    Some(known) => self.mistakes.extend(unknown(section, known)),
                    None => self.mistakes.push(stranger("section", name, value, self.asked.keys())),
                },
                None if self.asked.get("").is_some_and(|known| known.contains(name)) => {}
                None => {
                    let known = self.asked.get("").into_iter().flatten();
                    self.mistakes.push(stranger("key", name, value, known));
                }
            }
        }
        if self.mistakes.is_empty() {
            return Ok(());
        }
        Err(refused(&self.file, self.mistakes))
    }

    fn value(&mut self, section: &'static str, key: &'static str) -> Option<Value> {
        self.asked.entry(section).or_default().insert(key);
        let table =
            if section.is_empty() { Some(&self.table) } else { layer::below(&self.table, section) };
        table?.get(key).cloned()
    }

    fn wrong(&mut self, value: &Value, message: String) {
        self.mistakes.push(Mistake::new(layer::from(value), message));
    }
}

fn refused(file: &str, mistakes: Vec<Mistake>) -> ConfigError {
    ConfigError::new(file, mistakes).telling(MOST_TOLD)
}

fn unknown<'a>(
    section: &'a Table,
    known: &'a BTreeSet<&'static str>,
) -> impl Iterator<Item = Mistake> + 'a {
    let strange = layer::sorted(section).into_iter().filter(|(key, _)| !known.contains(key));
    strange.map(|(key, value)| stranger("key", key, value, known.iter()))
}

fn stranger<'a>(
    what: &str,
    name: &str,
    value: &Value,
    known: impl Iterator<Item = &'a &'static str>,
) -> Mistake {
    let meant = suggest::did_you_mean(name, known.copied().filter(|name| !name.is_empty()));
    Mistake::new(layer::from(value), format!("unknown {what} `{name}`{meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> String {
        let mut file = match Sections::read("f.toml", text) {
            Ok(file) => file,
            Err(error) => return error.to_string(),
        };
        file.number("", "seed", 0..=9);
        file.number("agents", "count", 1..=100);
        file.finish().expect_err("something is wrong").to_string()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("sead = 1", "f.toml:1: unknown key `sead`; did you mean `seed`?"),
            ("[agent]\ncount = 1", "f.toml:2: unknown section `agent`; did you mean `agents`?"),
            ("[agents]\n\ncounts = 1", "f.toml:3: unknown key `counts`; did you mean `count`?"),
            ("[agents]\ncount = 0", "f.toml:2: `count` is 0; it may be 1 to 100"),
            ("[agents]\ncount = \"1\"", "f.toml:2: `count` is a text; it may be 1 to 100"),
        ] {
            assert_eq!(mistakes(text), expected);
        }
        assert!(mistakes("[agents\n").contains("is not TOML"));
    }

    #[test]
    fn ten_mistakes_are_told_and_the_others_counted() {
        let strange: Vec<String> = (0..12).map(|number| format!("z{number} = 1")).collect();
        let told = mistakes(&strange.join("\n"));
        assert!(told.ends_with("\n  and 2 more") && told.lines().count() == 12, "{told}");
        let told = mistakes(&"= 1\n".repeat(30));
        assert!(told.ends_with(" more") && told.lines().count() == 12, "{told}");
    }

    #[test]
    fn what_is_said_is_read_and_what_is_not_said_is_left_open() {
        let mut file = Sections::read("f.toml", "seed = 3\n[agents]").expect("TOML");
        assert_eq!(file.number("", "seed", 0..=9), Some(3));
        assert_eq!(file.number("agents", "count", 1..=100), None);
        assert!(file.has("agents") && !file.has("provider"));
        assert!(!file.says("agents", "count") && !file.says("provider", "slots"));
        file.finish().expect("nothing is wrong");
    }
}
