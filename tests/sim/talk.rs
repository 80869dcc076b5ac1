//! What agents say: entries with all that real transcripts have, each with a mark of its own in every text of it.

use std::fmt::Write;
use std::sync::Arc;

use highwater_protocol::{Entry, EntryId, Format};
use serde_json::{Value, json};

use highwater_tests::dice::Dice;

/// One agent's source of entries.
#[derive(Clone)]
pub(crate) struct Talk {
    format: Format,
    made: u64,
    called: u64,
    messages: u64,
    waiting: Vec<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    User,
    Assistant,
    Spread,
    Calls,
    SpreadCalls,
    Result,
    FarResult,
    Orphan,
    ResultAndWords,
    Huge,
    Reasoning,
    Media,
    Record,
    System,
    Nothing,
}

const KINDS: [(u64, Kind); 15] = [
    (22, Kind::User),
    (12, Kind::Assistant),
    (8, Kind::Spread),
    (10, Kind::Calls),
    (6, Kind::SpreadCalls),
    (16, Kind::Result),
    (6, Kind::FarResult),
    (2, Kind::Orphan),
    (3, Kind::ResultAndWords),
    (2, Kind::Huge),
    (4, Kind::Reasoning),
    (1, Kind::Media),
    (3, Kind::Record),
    (2, Kind::System),
    (1, Kind::Nothing),
];

/// The mark of an entry.
fn mark(number: u64) -> String {
    format!("mark{number};")
}

impl Talk {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, made: 0, called: 0, messages: 0, waiting: Vec::new() }
    }

    fn id(&mut self) -> (u64, EntryId) {
        self.made += 1;
        let id = EntryId::parse(&format!("e{}", self.made)).expect("a legal id");
        (self.made, id)
    }

    /// The next entry; the first ones lead with instructions now and then.
    pub(crate) fn entry(&mut self, dice: &mut Dice) -> Arc<Entry> {
        let (number, id) = self.id();
        let mut kind =
            if number < 3 && dice.percent(40) { Kind::System } else { dice.weighted(&KINDS) };
        let answers =
            matches!(kind, Kind::Result | Kind::FarResult | Kind::ResultAndWords | Kind::Huge);
        if answers && self.waiting.is_empty() {
            kind = Kind::User;
        }
        if let Kind::Record = kind {
            let bytes = format!("record {} of no model", mark(number));
            return Arc::new(Entry::opaque(id, bytes.as_bytes().into()).expect("a small record"));
        }
        let message = self.message(kind, &said(number, dice), dice);
        let entry = Entry::from_json(id, self.format, &message.to_string());
        Arc::new(entry.expect("a legal message"))
    }

    /// An entry that may stand in the place of another: the same but for its words.
    pub(crate) fn reworded(&mut self, entry: &Entry, dice: &mut Dice) -> Arc<Entry> {
        let (number, id) = self.id();
        let source = String::from_utf8(entry.source().to_vec()).expect("entries are text");
        let words = said(number, dice);
        let source = match source.split_once("mark").and_then(|(_, rest)| rest.split_once(';')) {
            Some((old, _)) => source.replace(&format!("mark{old};"), &words),
            None => source,
        };
        let json = 0..source.len();
        let reworded = Entry::read(id, entry.dialect(), source.as_bytes().into(), json);
        Arc::new(reworded.expect("only words differ"))
    }

    /// The same id with other words.
    pub(crate) fn forged(entry: &Entry) -> Arc<Entry> {
        let forged = Entry::user(entry.id().clone(), "other words under a known id");
        Arc::new(forged.expect("a small entry"))
    }

    fn call(&mut self, dice: &mut Dice) -> String {
        self.called += 1;
        let number = if dice.percent(15) { self.called % 4 } else { self.called };
        let id = format!("c{number}");
        self.waiting.push(id.clone());
        if self.waiting.len() > 12 {
            self.waiting.remove(0);
        }
        id
    }

    fn calls(&mut self, dice: &mut Dice) -> Vec<String> {
        let mut calls: Vec<String> = (0..dice.within(1, 3)).map(|_| self.call(dice)).collect();
        calls.sort();
        calls.dedup();
        calls
    }

    fn message(&mut self, kind: Kind, said: &str, dice: &mut Dice) -> Value {
        let spread = matches!(kind, Kind::Spread | Kind::SpreadCalls);
        if spread && dice.percent(40) {
            self.messages += 1;
        }
        let message_id = spread.then(|| format!("m{}", self.messages));
        match kind {
            Kind::User | Kind::Record => self.plain("user", said),
            Kind::System => self.plain("system", said),
            Kind::Assistant => self.plain("assistant", said),
            Kind::Nothing => self.plain("assistant", ""),
            Kind::Spread => self.spoken(said, &[], message_id),
            Kind::Calls | Kind::SpreadCalls => {
                let calls = self.calls(dice);
                self.spoken(said, &calls, message_id)
            }
            Kind::Result | Kind::Huge | Kind::ResultAndWords => {
                let call = self.waiting.pop().unwrap_or_default();
                let more = if let Kind::Huge = kind {
                    " far".repeat(dice.index(1_200))
                } else {
                    String::new()
                };
                self.result(&call, &format!("{said}{more}"), matches!(kind, Kind::ResultAndWords))
            }
            Kind::FarResult => {
                let call = self.waiting.remove(0);
                self.result(&call, said, false)
            }
            Kind::Orphan => self.result(&format!("c{}", dice.below(self.called + 2)), said, false),
            Kind::Reasoning => self.reasoning(said),
            Kind::Media => self.media(said),
        }
    }

    fn plain(&self, role: &str, said: &str) -> Value {
        match self.format {
            Format::Anthropic if said.len().is_multiple_of(2) => {
                json!({"role": role, "content": [{"type": "text", "text": said}]})
            }
            _ => json!({"role": role, "content": said}),
        }
    }

    fn spoken(&self, said: &str, calls: &[String], message_id: Option<String>) -> Value {
        let mut message = match self.format {
            Format::Anthropic => {
                let mut content = vec![json!({"type": "text", "text": said})];
                content.extend(calls.iter().map(
                    |id| json!({"type": "tool_use", "id": id, "name": "tool", "input": {"a": 1}}),
                ));
                json!({"role": "assistant", "content": content})
            }
            Format::OpenAiChat => {
                let made = calls.iter().map(|id| {
                    let function = json!({"name": "tool", "arguments": "{}"});
                    json!({"id": id, "type": "function", "function": function})
                });
                let made: Vec<Value> = made.collect();
                let mut message = json!({"role": "assistant", "content": said});
                if !made.is_empty() {
                    message["tool_calls"] = made.into();
                }
                message
            }
        };
        if let Some(id) = message_id {
            message["id"] = id.into();
        }
        message
    }

    fn result(&self, call: &str, said: &str, has_words: bool) -> Value {
        match self.format {
            Format::OpenAiChat => json!({"role": "tool", "tool_call_id": call, "content": said}),
            Format::Anthropic => {
                let result = json!({"type": "tool_result", "tool_use_id": call, "content": said});
                let words = has_words.then(|| json!({"type": "text", "text": said}));
                let content: Vec<Value> = std::iter::once(result).chain(words).collect();
                json!({"role": "user", "content": content})
            }
        }
    }

    fn reasoning(&self, said: &str) -> Value {
        match self.format {
            Format::OpenAiChat => json!({"role": "assistant", "reasoning": said}),
            Format::Anthropic => {
                let block = json!({"type": "thinking", "thinking": said, "signature": "signed"});
                json!({"role": "assistant", "content": [block]})
            }
        }
    }

    fn media(&self, said: &str) -> Value {
        let block = match self.format {
            Format::OpenAiChat => json!({"type": "image_url", "image_url": {"url": "data:,"}}),
            Format::Anthropic => {
                let source = json!({"type": "base64", "media_type": "image/png", "data": "AA=="});
                json!({"type": "image", "source": source})
            }
        };
        json!({"role": "user", "content": [{"type": "text", "text": said}, block]})
    }
}

fn said(number: u64, dice: &mut Dice) -> String {
    let mut text = mark(number);
    let words = if dice.percent(10) { dice.below(160) } else { dice.below(40) };
    for _ in 0..words {
        write!(text, " w{}", dice.below(50)).expect("a string takes everything");
    }
    text
}
