//! Every field of the configuration, once: what it means, in which unit, what it may be, and what holds without it.
//! Checking, defaults, the environment's names and the example file are all read from here.

mod fields;

#[cfg(test)]
pub(super) use fields::LEAST_WINDOW;
pub(super) use fields::{RATES, ROOT};

/// A table of the configuration.
pub(super) struct Section {
    /// What the section is for; whole lines of the example file.
    pub(super) about: &'static [&'static str],
    pub(super) fields: &'static [Field],
    pub(super) below: &'static [Below],
}

/// A table in a table.
pub(super) struct Below {
    pub(super) key: &'static str,
    /// Whether the table holds one section for each name that the user chooses, and which the example file has.
    pub(super) named: Option<&'static str>,
    pub(super) section: &'static Section,
}

/// One field.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What holds without it.
    pub(super) unset: Unset,
    /// What it means; whole lines of the example file.
    pub(super) about: &'static [&'static str],
    /// A value as the file has it.
    pub(super) example: &'static str,
}

/// What a field may be.
pub(super) enum Kind {
    /// A whole number.
    Whole { least: u64, most: u64, unit: &'static str },
    /// `true` or `false`.
    Flag,
    /// One of some words.
    Choice(fn() -> Vec<&'static str>),
    /// A text; the function says whether it is one of these, and the words what it must be.
    Text { fits: fn(&str) -> bool, must_be: &'static str },
    /// A list of texts.
    Texts { fits: fn(&str) -> bool, must_be: &'static str },
    /// Texts by names that the user chooses.
    Headers,
    /// Whatever JSON has, by names of the provider's.
    Parameters,
}

/// What holds when nobody sets a field.
pub(super) enum Unset {
    /// This number.
    Whole(u64),
    /// This flag.
    Flag(bool),
    /// This word.
    Word(&'static str),
    /// Nine tenths of the rate whose burst it is, where that is set.
    NineTenths,
    /// What the words say.
    Told(&'static str),
}

impl Section {
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub(super) fn below(&self, key: &str) -> Option<&'static Below> {
        self.below.iter().find(|below| below.key == key)
    }

    /// All names that may stand here.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let fields = self.fields.iter().map(|field| field.name);
        fields.chain(self.below.iter().map(|below| below.key))
    }
}

impl Kind {
    /// What it must be, for an error: the end of `slots must be ..`.
    pub(super) fn must_be(&self) -> String {
        match self {
            Self::Whole { least, most, unit } => {
                format!("a whole number from {least} to {most} ({unit})")
            }
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Choice(words) => {
                let words: Vec<_> = words().iter().map(|word| format!("`{word}`")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Text { must_be, .. } => (*must_be).to_owned(),
            Self::Texts { must_be, .. } => format!("a list, and each of it {must_be}"),
            Self::Headers => "a table of header names and their texts".to_owned(),
            Self::Parameters => "a table of parameters and what is sent for each".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each_section(section: &'static Section, see: &mut impl FnMut(&'static Section)) {
        see(section);
        section.below.iter().for_each(|below| each_section(below.section, see));
    }

    #[test]
    fn names_are_told_apart_also_in_the_environment() {
        each_section(&ROOT, &mut |section| {
            let names: Vec<_> = section.names().collect();
            for (at, name) in names.iter().enumerate() {
                let plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
                assert!(name.bytes().all(plain) && !name.contains("__"), "{name}");
                assert!(!names[..at].contains(name), "{name} is there twice");
            }
            assert!(!section.about.is_empty());
        });
    }

    #[test]
    fn every_field_says_what_it_means_and_a_default_is_what_it_may_be() {
        let mut seen = 0;
        each_section(&ROOT, &mut |section| {
            for field in section.fields {
                seen += 1;
                assert!(!field.about.is_empty() && !field.example.is_empty(), "{}", field.name);
                if let (Unset::Whole(number), Kind::Whole { least, most, .. }) =
                    (&field.unset, &field.kind)
                {
                    assert!((least..=most).contains(&number), "{}", field.name);
                }
                let fits = match field.unset {
                    Unset::Whole(_) => matches!(field.kind, Kind::Whole { .. }),
                    Unset::Flag(_) => matches!(field.kind, Kind::Flag),
                    Unset::Word(word) => {
                        matches!(field.kind, Kind::Choice(words) if words().contains(&word))
                    }
                    Unset::NineTenths => RATES.iter().any(|(_, burst)| *burst == field.name),
                    Unset::Told(words) => !words.is_empty(),
                };
                assert!(fits, "{}", field.name);
            }
        });
        assert!(seen > 25, "{seen}");
    }
}
