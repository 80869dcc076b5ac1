//! Misbehaviour, by call number, by time, or by chance.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::dice::Dice;

/// A refusal in the words of the protocol. A number behind it is its status, where two protocols differ Anthropic's
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request is longer than the model's window (400).
    TooLong,
    /// The provider's rules forbid the request (400).
    Policy,
    /// The key is wrong (401).
    Key,
    /// There is something wrong with the payment (402).
    Payment,
    /// The key may not do that (403).
    Forbidden,
    /// The key may not use the model (403).
    NoAccess,
    /// There is no such model (404).
    NoModel,
    /// The request has too many bytes (413).
    TooLarge,
    /// Too fast, though no counter says so, as when somebody else uses the account (429).
    Limited,
    /// What may be spent is spent (429): the spend limit of a workspace, or `insufficient_quota`.
    Spent,
    /// The provider failed (500).
    Internal,
    /// The provider is not there (503).
    Unavailable,
    /// The provider has too much to do (529, 503).
    Overloaded,
}

/// How told usage differs from what was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongUsage {
    /// A tenth of it.
    TooLow,
    /// A million million tokens.
    Absurd,
    /// Nothing is told.
    Missing,
}

/// What goes wrong with a call. A place in an answer is given in percent of its bytes, and in a stream it is moved on
/// to the end of an event where nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call is refused. It takes no slot and counts nowhere.
    Refused(Refusal),
    /// The same, with the time after which the client may come back, written as the rules say.
    RefusedFor(Refusal, Duration),
    /// The call is answered with this, whatever was asked. It takes no slot and counts nowhere.
    Raw {
        /// The status.
        status: u16,
        /// What the body is said to be.
        content_type: &'static str,
        /// Further headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
    /// A gateway in front answers an error page in HTML with this status.
    Gateway(u16),
    /// Status 200 and something that is not JSON, nor events.
    Garbage,
    /// Status 200 and the body of an error.
    ErrorWith200(Refusal),
    /// The connection is closed before a byte is answered.
    Disconnect,
    /// The connection is closed within the answer.
    DisconnectAt(u64),
    /// Nothing comes for ever; the slot is held until the client goes.
    Hang,
    /// Nothing more comes within the answer; the slot is held until the client goes.
    StallAt(u64),
    /// An event of a stream tells an error, and the stream ends well. An answer that is not streamed is refused.
    ErrorEventAt(u64, Refusal),
    /// The body ends, without an error of the connection, within a character.
    CutInCharacter,
    /// The body ends, without an error of the connection, within a line.
    CutInLine,
    /// The stream ends without its last events. An answer that is not streamed is cut in half.
    NoEnd,
    /// The answer is cut off by the limit of its tokens, although it was not reached.
    MaxTokens,
    /// The answer ends with this word of the provider's: `content_filter`, `refusal`, `pause_turn`, ..
    EndsWith(&'static str),
    /// The answer says nothing.
    Empty,
    /// The answer is reasoning alone.
    ReasoningOnly,
    /// The usage is wrong.
    Usage(WrongUsage),
    /// The answer comes in so many bytes at a time, so far apart.
    Dribble(usize, Duration),
    /// The connection is closed after the answer, without a word about it before.
    CloseAfter,
    /// The text has so many bytes, whatever was asked for.
    Huge(usize),
}

/// What goes wrong when. A number is looked up first, then times, then ranges of numbers, then chance.
#[derive(Clone, Debug, Default)]
pub struct Script {
    numbers: BTreeMap<u64, Fault>,
    times: Vec<(Range<Duration>, Fault)>,
    ranges: Vec<(Range<u64>, Fault)>,
    chances: Vec<(u64, Fault)>,
}

impl Script {
    /// Nothing goes wrong.
    pub fn well() -> Self {
        Self::default()
    }

    /// The same, and the call of that number, from 0, goes wrong.
    #[must_use]
    pub fn call(mut self, number: u64, fault: Fault) -> Self {
        self.numbers.insert(number, fault);
        self
    }

    /// The same, and all calls of these numbers go wrong.
    #[must_use]
    pub fn calls(mut self, numbers: Range<u64>, fault: Fault) -> Self {
        self.ranges.push((numbers, fault));
        self
    }

    /// The same, and all calls go wrong that arrive in this time since the provider's start.
    #[must_use]
    pub fn during(mut self, times: Range<Duration>, fault: Fault) -> Self {
        self.times.push((times, fault));
        self
    }

    /// The same, and of a thousand calls so many go wrong, by the provider's seed.
    #[must_use]
    pub fn chance(mut self, per_mille: u64, fault: Fault) -> Self {
        self.chances.push((per_mille, fault));
        self
    }

    /// What goes wrong with a call.
    pub(super) fn fault(&self, number: u64, at: Duration, dice: &mut Dice) -> Option<&Fault> {
        let drawn = dice.below(1_000);
        let mut below = 0;
        let chance = self.chances.iter().find(|(per_mille, _)| {
            below += per_mille;
            drawn < below
        });
        let time = self.times.iter().find(|(times, _)| times.contains(&at));
        let range = self.ranges.iter().find(|(numbers, _)| numbers.contains(&number));
        self.numbers
            .get(&number)
            .or(time.map(|(_, fault)| fault))
            .or(range.map(|(_, fault)| fault))
            .or(chance.map(|(_, fault)| fault))
    }
}
