//! What a model is asked when it summarizes: fixed instructions, and everything else as one JSON object of data (S2).
//! Nothing is ever put into the instructions, so no text of a transcript can be taken for one of them.

mod datum;
mod instructions;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::ids::Digest;
use crate::piece::{Passage, Piece};
use crate::tokens::{self, TokenCount};

use datum::{Datum, RECORD_BYTES, encode, encode_about};
pub(crate) use datum::{prefix_within, size};
pub use instructions::HEADINGS;

/// Counts up when the same rendered prompt shall be answered anew.
const VERSION: u32 = 1;

/// The most that is shown of a focus: a few paragraphs.
const FOCUS_TOKENS: TokenCount = TokenCount(1_024);

/// How hard a summarizer is pressed to be short (V12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// The first try.
    Normal,
    /// The second, after an answer that was not accepted.
    Tighter,
}

/// A prompt by its parts.
#[derive(Clone, Copy, Debug)]
pub struct Prompt<'a> {
    /// How hard to press.
    pub strength: Strength,
    /// The most that the answer may take.
    pub cap: TokenCount,
    /// What whoever asked for the pass wants kept above all.
    pub focus: Option<&'a str>,
    /// What is to be summarized, oldest first.
    pub pieces: &'a [Piece],
}

/// A prompt as a model gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The instructions: the same for every prompt of a strength.
    pub system: &'static str,
    /// The messages, all in the user's role.
    pub messages: Vec<String>,
}

impl Rendered {
    /// The estimated size of all of it.
    pub fn tokens(&self) -> TokenCount {
        let messages = self.messages.iter().map(|text| tokens::estimate(text));
        let texts = messages.chain([instructions::tokens(self.system)]);
        texts.map(|size| size + tokens::BLOCK_OVERHEAD_TOKENS).sum()
    }
}

/// How the one message begins: parameters. The data follows, and a reminder behind the data.
#[derive(Serialize)]
struct Head<'a> {
    limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    focus: Option<&'a str>,
}

#[derive(Serialize)]
struct Limits {
    tokens: u64,
    words: u64,
}

impl Prompt<'_> {
    /// The prompt as text. The same parts give the same bytes.
    pub fn render(&self) -> Rendered {
        self.render_around(&self.records())
    }

    /// The data, which is the same however hard is pressed, as a list of JSON.
    fn records(&self) -> String {
        let passages = self.passages();
        let bytes = passages.iter().map(|passage| passage.text.len() + RECORD_BYTES).sum();
        encode_about(bytes, &passages.iter().map(Datum::of).collect::<Vec<_>>())
    }

    fn passages(&self) -> Vec<Passage<'_>> {
        self.pieces.iter().flat_map(Piece::passages).collect()
    }

    /// The estimated size of everything but the records.
    pub fn around(&self) -> TokenCount {
        self.render_around("[]").tokens()
    }

    fn head(&self) -> String {
        encode(&Head {
            limits: Limits { tokens: self.cap.0, words: self.words() },
            focus: self.focus.map(|focus| &focus[..prefix_within(focus, FOCUS_TOKENS)]),
        })
    }

    fn render_around(&self, records: &str) -> Rendered {
        let head = self.head();
        let open = head.strip_suffix('}').expect("it is a JSON object");
        let end = encode(instructions::END_OF_DATA);
        let message = [open, ",\"records\":", records, ",\"end_of_data\":", &end, "}"].concat();
        Rendered { system: instructions::of(self.strength), messages: vec![message] }
    }

    /// What the answer of `author` depends on: every byte that is shown, and the entries behind it.
    pub fn digest(&self, author: &str) -> Digest {
        self.digest_around(&self.data(), author)
    }

    /// The same for each strength, with the data written once.
    pub fn digests<const N: usize>(&self, strengths: [Strength; N], author: &str) -> [Digest; N] {
        let data = self.data();
        strengths.map(|strength| Self { strength, ..*self }.digest_around(&data, author))
    }

    /// The data, and the entries behind it. Texts are hashed as they are: written as JSON, they cost several times as much.
    fn data(&self) -> Digest {
        let passages = self.passages();
        let heads: Vec<_> = passages.iter().map(|each| Datum::of(each).without_text()).collect();
        let heads = encode_about(heads.len() * RECORD_BYTES, &heads);
        let mut parts: Vec<&[u8]> = vec![heads.as_bytes()];
        parts.extend(passages.iter().map(|passage| passage.text.as_bytes()));
        let behind = self.pieces.iter().flat_map(Piece::messages);
        parts.extend(behind.map(|message| &message.digest.0[..]));
        Digest::of_parts(&parts)
    }

    fn digest_around(&self, data: &Digest, author: &str) -> Digest {
        let (version, head) = (VERSION.to_le_bytes(), self.head());
        let system = instructions::of(self.strength);
        let texts = [author, system, &head, instructions::END_OF_DATA].map(str::as_bytes);
        let parts: Vec<&[u8]> =
            [&version[..]].into_iter().chain(texts).chain([&data.0[..]]).collect();
        Digest::of_parts(&parts)
    }

    /// How long an answer to aim at: models count words better than tokens, about three for each four tokens, and
    /// write more than they are told.
    fn words(&self) -> u64 {
        let percent = match self.strength {
            Strength::Normal => 55,
            Strength::Tighter => 30,
        };
        self.cap.0.saturating_mul(percent) / 100
    }
}

/// What a prompt takes beside its records and its answer.
pub fn overhead(focus: Option<&str>) -> TokenCount {
    let sizes = [Strength::Normal, Strength::Tighter].map(|strength| {
        let cap = TokenCount(u64::MAX);
        Prompt { strength, cap, focus, pieces: &[] }.around()
    });
    sizes[0].max(sizes[1])
}
