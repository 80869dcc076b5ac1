//! What agents say: entries of any size, cut from one long text of made-up words.

use std::fmt::Write;
use std::sync::Arc;

use highwater_protocol::{Entry, EntryId, Error, Format};

use crate::sample::dice::Dice;

/// Words of the made-up text. None of them needs an escape in JSON.
const WORDS: [&str; 24] = [
    "ferry",
    "harbour",
    "timetable",
    "tide",
    "berth",
    "captain",
    "query",
    "column",
    "index",
    "pier",
    "deck",
    "ticket",
    "route",
    "storm",
    "signal",
    "buoy",
    "cargo",
    "winch",
    "ledger",
    "crew",
    "to",
    "the",
    "of",
    "at",
];

/// The text's length: longer than anything that is said.
const LENGTH_BYTES: usize = 2 << 20;

/// The text.
#[derive(Debug)]
pub(super) struct Speech(String);

impl Speech {
    /// The text of a seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut text = String::with_capacity(LENGTH_BYTES + 32);
        while text.len() < LENGTH_BYTES {
            let word: &&str = dice.pick(&WORDS);
            text.push_str(word);
            let end = if dice.per_mille(80) { ". " } else { " " };
            text.push_str(end);
        }
        Self(text)
    }

    /// So many bytes of it, one at least.
    pub(super) fn says(&self, bytes: u64, dice: &mut Dice) -> &str {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).clamp(1, self.0.len() / 2);
        let room = (self.0.len() - bytes) as u64;
        let from = usize::try_from(dice.within(0, room)).unwrap_or(0);
        &self.0[from..from + bytes]
    }
}

/// The id of a session's entry.
fn id(number: u64) -> Result<EntryId, Error> {
    EntryId::parse(&format!("e{number}"))
}

fn entry(number: u64, json: &str) -> Result<Arc<Entry>, Error> {
    Ok(Arc::new(Entry::from_json(id(number)?, Format::Anthropic, json)?))
}

/// The instructions that lead a session.
pub(super) fn instructions(number: u64, text: &str) -> Result<Arc<Entry>, Error> {
    entry(number, &format!(r#"{{"role":"system","content":"{text}"}}"#))
}

/// A message of the user.
pub(super) fn user(number: u64, text: &str) -> Result<Arc<Entry>, Error> {
    entry(number, &format!(r#"{{"role":"user","content":"{text}"}}"#))
}

/// A message of the model: a text, and calls by id and arguments.
pub(super) fn model(
    number: u64,
    text: &str,
    calls: &[(String, &str)],
) -> Result<Arc<Entry>, Error> {
    let mut content = format!(r#"{{"type":"text","text":"{text}"}}"#);
    for (id, text) in calls {
        write!(
            content,
            r#",{{"type":"tool_use","id":"{id}","name":"look","input":{{"about":"{text}"}}}}"#
        )
        .expect("a string takes everything");
    }
    entry(number, &format!(r#"{{"role":"assistant","content":[{content}]}}"#))
}

/// The result of a call.
pub(super) fn result(number: u64, call: &str, text: &str) -> Result<Arc<Entry>, Error> {
    let result = format!(r#"{{"type":"tool_result","tool_use_id":"{call}","content":"{text}"}}"#);
    entry(number, &format!(r#"{{"role":"user","content":[{result}]}}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_has_the_size_that_was_asked_for_and_follows_from_the_seed() {
        let speech = Speech::new(3);
        let mut dice = Dice::new(4);
        for bytes in [1, 17, 70_000] {
            assert_eq!(speech.says(bytes, &mut dice).len() as u64, bytes);
        }
        assert_eq!(speech.says(0, &mut dice).len(), 1);
        let said = |seed| Speech::new(seed).says(40, &mut Dice::new(9)).to_owned();
        assert_eq!(said(3), said(3));
        assert_ne!(said(3), said(5));
    }

    #[test]
    fn entries_are_messages_of_their_format() {
        let calls = [("c1".to_owned(), "the pier"), ("c2".to_owned(), "the deck")];
        let spoken = model(3, "I look.", &calls).expect("a message");
        assert_eq!(spoken.message().calls().count(), 2);
        let answer = result(4, "c1", "at the pier").expect("a result");
        assert_eq!(answer.message().results().collect::<Vec<_>>(), ["c1"]);
        assert!(user(1, "hello").is_ok() && instructions(2, "Be brief.").is_ok());
    }
}
