//! Sections of an extractive summary: their headings, their shares of the cap, reading them back and writing them.

use std::collections::BTreeSet;

use highwater_protocol::TokenCount;

use super::sentences::{clip, wrapped};

/// A section, in the order in which it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Earlier,
    Asked,
    Constraints,
    Decisions,
    Unanswered,
    Errors,
    Files,
    Tools,
    Media,
    Notes,
}

/// Heading and share of the cap in percent, in the order of [`Section`]. The shares of empty sections go to the rest.
const SECTIONS: [(Section, &str, u64); 10] = [
    (Section::Earlier, "Earlier", 15),
    (Section::Asked, "Asked", 22),
    (Section::Constraints, "Constraints, as said", 12),
    (Section::Decisions, "Decisions", 14),
    (Section::Unanswered, "Calls without a result", 6),
    (Section::Errors, "Errors met", 10),
    (Section::Files, "Files", 8),
    (Section::Tools, "Tools used", 3),
    (Section::Media, "Media, not shown any more", 2),
    (Section::Notes, "What was said", 8),
];

/// What a model's summary calls a section that has another name here.
const ALIASES: [(&str, Section); 3] = [
    ("Goals", Section::Asked),
    ("Standing constraints", Section::Constraints),
    ("Files and identifiers", Section::Files),
];

/// The section under a heading; a foreign one is kept among what came earlier.
fn headed(heading: &str) -> Section {
    let known = SECTIONS.iter().map(|(section, name, _)| (*name, *section)).chain(ALIASES);
    let mut known = known.filter(|(name, _)| *name == heading);
    known.next().map_or(Section::Earlier, |(_, section)| section)
}

/// Items by section, each in the order in which it came; the same item only once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sections {
    items: [Vec<String>; SECTIONS.len()],
    known: [BTreeSet<String>; SECTIONS.len()],
}

impl Sections {
    pub(super) fn add(&mut self, section: Section, item: &str) {
        let item = item.replace(['\n', '\r'], " ");
        let known = &mut self.known[section as usize];
        if !item.is_empty() && known.insert(item.clone()) {
            self.items[section as usize].push(item);
        }
    }

    pub(super) fn merge(&mut self, later: Self) {
        for ((section, ..), items) in SECTIONS.iter().zip(later.items) {
            for item in items {
                self.add(*section, &item);
            }
        }
    }

    /// Reads written sections back; lines under no known heading are kept as `Earlier`.
    pub(super) fn parse(text: &str, item_chars: usize) -> Self {
        let mut sections = Self::default();
        let mut current = Section::Earlier;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(heading) = line.strip_prefix("## ") {
                current = headed(heading);
                continue;
            }
            let item = line.strip_prefix("- ").unwrap_or(line);
            for part in wrapped(item, item_chars + 3) {
                sections.add(current, &clip(part, item_chars + 3));
            }
        }
        sections
    }

    /// Writes within `cap`: each section gets its share, what it leaves goes on to the next. Within a section the first
    /// item and the newest ones stay.
    pub(super) fn render(&self, cap: TokenCount, estimate: fn(&str) -> TokenCount) -> String {
        let filled = || SECTIONS.iter().zip(&self.items).filter(|(_, items)| !items.is_empty());
        let shares: u64 = filled().map(|((.., share), _)| share).sum();
        let mut text = String::new();
        let mut left = cap.0;
        let mut shares_left = shares;
        for ((_, heading, share), items) in filled() {
            let room = left * share / shares_left.max(1);
            shares_left -= share;
            let heading = format!("## {heading}\n");
            let kept = choose(items, room.saturating_sub(estimate(&heading).0), estimate);
            if kept.is_empty() {
                continue;
            }
            let mut section = heading;
            for item in kept {
                section.push_str("- ");
                section.push_str(item);
                section.push('\n');
            }
            left = left.saturating_sub(estimate(&section).0);
            text.push_str(&section);
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// The first item and as many of the newest as fit, in order.
fn choose(items: &[String], room: u64, estimate: fn(&str) -> TokenCount) -> Vec<&String> {
    let cost = |item: &String| estimate(item).0 + 3;
    let mut left = room;
    let mut chosen = vec![false; items.len()];
    let newest = (1..items.len()).rev();
    for index in std::iter::once(0).chain(newest).filter(|index| *index < items.len()) {
        let Some(rest) = left.checked_sub(cost(&items[index])) else {
            continue;
        };
        left = rest;
        chosen[index] = true;
    }
    items.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(item, _)| item).collect()
}
