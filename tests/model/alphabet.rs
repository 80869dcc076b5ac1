//! What can happen in the model: what hosts ask, and what the journal, the reader of logs, compactors and the process do.
//! Entries are made once, so that the same choices give the same bytes.

use std::sync::Arc;

use highwater_protocol::message::{OpenCalls, Request};
use highwater_protocol::session::CommitFailure;
use highwater_protocol::{
    CallEnd, CallRef, Entry, EntryId, Format, PassId, Resolution, Seq, Summary,
};

/// A request of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Append a new text of the user.
    Say,
    /// Append what was made last once more, as after an answer that never came (L3).
    Again,
    /// Append a call. All calls have the same id, as with models that reuse ids.
    Call,
    /// Append a result of that id.
    Result,
    /// Answer a context, with stand-ins for open calls.
    Context,
    /// Compact up to an entry.
    Compact(u64),
    /// Rewind to an entry.
    Rewind(u64),
    /// Supersede an entry by a new text.
    Edit(u64),
    /// Pin an entry, or set it free.
    Pin(u64, bool),
    /// Resolve the call that an entry made.
    Resolve(u64),
    /// Clear.
    Clear,
    /// Abandon the pass in flight.
    Cancel,
    /// Wait for the last pass.
    Settled,
    /// Close the session; it is opened again at once.
    Close,
}

/// How a compactor answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// With summaries that are small enough.
    Good,
    /// With one that is over its cap (passes of odd numbers) or empty (of even ones).
    Bad,
    /// It fails, or dies.
    Fails,
}

/// One event, chosen by whoever explores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// A host asks.
    Ask(Ask),
    /// The batch in flight is durable.
    Stored,
    /// The batch in flight fails: what the session is told, and whether it was stored all the same. The session is
    /// opened again from its log.
    CommitFails(CommitFailure, bool),
    /// The fold is made anew from the log.
    Refolded,
    /// The log cannot be read. The session is opened again.
    RefoldFails,
    /// A compactor answers, killed or not.
    Answer(PassId, Answer),
    /// The deadline of a pass comes, ended or not.
    Overdue(PassId),
    /// The process dies and the session is opened again from its log, which has the batch in flight or not.
    Crash(bool),
}

/// The id of every call.
const CALL: &str = "c";

/// Words that make a text large enough for a summary of it to be a gain.
const WORDS: usize = 250;

/// The entry of this number, of the kind that the request appends.
pub(crate) fn entry(ask: Ask, number: u64) -> Arc<Entry> {
    let kind = match ask {
        Ask::Call => "call",
        Ask::Result => "result",
        _ => "text",
    };
    let id = EntryId::parse(&format!("{kind}-{number}")).expect("a legal id");
    let words = "word ".repeat(WORDS);
    let call = format!(r#"{{"type":"tool_use","id":"{CALL}","name":"ls","input":{{}}}}"#);
    let result =
        format!(r#"{{"type":"tool_result","tool_use_id":"{CALL}","content":"{number} {words}"}}"#);
    let message = match ask {
        Ask::Call => format!(r#"{{"role":"assistant","content":[{call}]}}"#),
        Ask::Result => format!(r#"{{"role":"user","content":[{result}]}}"#),
        _ => format!(r#"{{"role":"user","content":"{number} {words}"}}"#),
    };
    let entry = Entry::from_json(id, Format::Anthropic, &message);
    Arc::new(entry.expect("a legal message"))
}

/// The instructions that lead every session.
pub(crate) fn instructions() -> Arc<Entry> {
    let id = EntryId::parse("instructions").expect("a legal id");
    let message = r#"{"role":"system","content":"Be brief."}"#;
    Arc::new(Entry::from_json(id, Format::Anthropic, message).expect("a legal message"))
}

impl Ask {
    /// Whether it brings an entry of its own.
    pub(crate) fn makes_an_entry(self) -> bool {
        matches!(self, Self::Say | Self::Call | Self::Result | Self::Edit(_))
    }

    /// The request. `entry` is the new one, or the last one made; `pass` the last one started.
    pub(crate) fn request(self, entry: Arc<Entry>, pass: PassId) -> Request {
        match self {
            Self::Say | Self::Again | Self::Call | Self::Result => {
                Request::Append { entries: vec![entry] }
            }
            Self::Context => Request::Context { open_calls: OpenCalls::StandIn },
            Self::Compact(up_to) => Request::Compact { up_to: Some(Seq(up_to)), focus: None },
            Self::Rewind(to) => Request::Rewind { to: Seq(to) },
            Self::Edit(place) => Request::Edit { place: Seq(place), entry },
            Self::Pin(seq, pinned) => Request::Pin { seq: Seq(seq), pinned },
            Self::Resolve(seq) => Request::Resolve {
                call: CallRef { seq: Seq(seq), id: CALL.into() },
                resolution: Resolution::new(CallEnd::Failed, "").expect("a short detail"),
            },
            Self::Clear => Request::Clear,
            Self::Cancel => Request::Cancel,
            Self::Settled => Request::Settled { pass },
            Self::Close => Request::Close,
        }
    }
}

impl Answer {
    /// The summaries of a pass whose stretches have these caps.
    pub(crate) fn summaries(self, pass: PassId, caps: &[u64]) -> Vec<Summary> {
        let words = |cap: &u64| match self {
            Self::Bad if pass.0.is_multiple_of(2) => 0,
            Self::Bad => usize::try_from(*cap).expect("a small number") + 1,
            Self::Good | Self::Fails => 1,
        };
        let summary =
            |cap| Summary { text: "gist ".repeat(words(cap)).into(), author: "test".into() };
        caps.iter().map(summary).collect()
    }
}
