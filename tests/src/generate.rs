//! Transcripts made from bytes: each byte is one choice, so that whoever draws and shrinks bytes draws and shrinks
//! transcripts. They have all that real ones have: parallel calls, far and orphan results, reused ids, messages spread
//! over entries, words beside results, records, instructions, and contexts answered in between.

use std::fmt::Write;
use std::sync::Arc;

use highwater_protocol::{Entry, EntryId, Format};

use crate::dice::Dice;

/// One step of a generated play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An entry, as a line of the notation. It says its own mark, see [`mark`], unless no model sees it.
    Append(String),
    /// A context is answered: what stands so far is frozen.
    Answer,
}

/// A text that the entry of this number says, and no other.
pub fn mark(seq: u64) -> String {
    format!("<m{seq}>")
}

/// The play that the bytes choose. Entries are numbered from 1 in the order of their steps.
pub fn play(format: Format, choices: &[u8]) -> Vec<Step> {
    let mut play = Play { format, open: Vec::new(), called: 0, entries: 0 };
    choices.iter().map(|choice| play.step(*choice)).collect()
}

/// An entry of a number, the same one whenever it is asked for, of various sizes.
pub fn numbered(number: u64) -> Arc<Entry> {
    let id = EntryId::parse(&format!("n{number}")).expect("a legal id");
    let mut text = format!("entry {number}:");
    for word in 0..number * 7 % 60 {
        write!(text, " word{word}").expect("a string takes everything");
    }
    Arc::new(Entry::user(id, &text).expect("a small entry"))
}

/// An entry of a number and of some 20 KB, which hardly gets smaller when it is packed.
pub fn long(number: u64) -> Arc<Entry> {
    let id = EntryId::parse(&format!("n{number}")).expect("a legal id");
    let (mut text, mut dice) = (format!("entry {number} "), Dice::new(number));
    while text.len() < 20_000 {
        write!(text, "{:x} ", dice.draw()).expect("a string takes everything");
    }
    Arc::new(Entry::user(id, &text).expect("an entry below the cap"))
}

struct Play {
    format: Format,
    open: Vec<String>,
    called: u64,
    entries: u64,
}

impl Play {
    fn step(&mut self, choice: u8) -> Step {
        let (kind, detail) = (choice % 14, u64::from(choice / 14));
        if kind == 13 {
            self.open.clear();
            return Step::Answer;
        }
        self.entries += 1;
        let seq = self.entries;
        let said = format!("{} ~{}", mark(seq), detail * 8);
        Step::Append(match kind {
            0 | 1 => format!("u{seq}: {said}"),
            2 => format!("a{seq}: {said}"),
            3 => format!("a{seq}@m{}: {said}", detail % 3),
            4 => format!("a{seq} call {}: {said}", self.call(detail)),
            5 => format!("a{seq}@m{} call {}: {said}", detail % 3, self.call(detail)),
            6 => {
                let calls = [self.call(detail), self.call(0)].join(", ");
                format!("a{seq}@m{} call {calls}: {said}", detail % 3)
            }
            8 => self.result(usize::MAX, &said),
            9 if self.format == Format::Anthropic => {
                self.result(usize::MAX, &format!("out + {said}"))
            }
            7 | 9 => self.result(0, &said),
            10 => format!("r{seq} c{detail}: {said}"),
            11 if detail < 9 => format!("s{seq}: {said}"),
            11 => format!("x{seq}: nobody sees this"),
            _ => format!("t{seq}: {said}"),
        })
    }

    /// A new call; now and then under an id that was used before.
    fn call(&mut self, detail: u64) -> String {
        self.called += 1;
        let number = if detail % 4 == 3 { self.called % 3 } else { self.called };
        self.open.push(format!("c{number}"));
        format!("c{number} tool")
    }

    /// The result of an open call, or the user's words when none is open.
    fn result(&mut self, which: usize, said: &str) -> String {
        let seq = self.entries;
        if self.open.is_empty() {
            return format!("u{seq}: {said}");
        }
        let call = self.open.remove(which.min(self.open.len() - 1));
        format!("r{seq} {call}: {said}")
    }
}
