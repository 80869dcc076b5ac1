//! What the model says, before a protocol gives it its shape: blocks cut into tokens, how they end, and what is counted.

use std::time::Duration;

use super::asked::Asked;

/// What a model says to a request: what a test's closure returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Reasoning before the answer; empty for none.
    pub reasoning: String,
    /// The answer; empty for none.
    pub text: String,
    /// Tools that it calls: name, and arguments as JSON text.
    pub tools: Vec<(String, String)>,
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

/// The text of a provider that was given none: sentences that follow from the request alone, with a letter of two bytes
/// in each. It is as long as a third of the prompt, and between 20 and 400 words.
pub fn plain_text(asked: &Asked) -> Said {
    const WORDS: [&str; 8] = ["the", "caf\u{e9}", "keeps", "a", "list", "of", "open", "questions"];
    let words = (asked.input_tokens / 3).clamp(20, 400) as usize;
    let from = asked.prompt.bytes().map(usize::from).sum::<usize>();
    let text: Vec<&str> = (0..words).map(|at| WORDS[(from + at) % WORDS.len()]).collect();
    Said::from(text.join(" "))
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    MaxTokens,
    Tools,
    /// The provider's own word.
    Word(&'static str),
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Reasoning,
    Text,
    Tool { id: String, name: String },
}

/// A part of an answer, cut into what single events carry.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    /// Each with its tokens.
    pub(super) pieces: Vec<(String, u64)>,
}

impl Block {
    pub(super) fn text(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }
}

/// What is told of a call's tokens, true or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) input: u64,
    pub(super) output: u64,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// From the call's number; what the ids are made of.
    pub(super) id: String,
    pub(super) model: String,
    /// Seconds since 1970.
    pub(super) created: u64,
    pub(super) blocks: Vec<Block>,
    pub(super) finish: Finish,
    /// `None`: nothing is told.
    pub(super) usage: Option<Usage>,
    /// Whether a stream of Chat Completions tells it.
    pub(super) include_usage: bool,
}

/// The bytes of a token, about: what answers are cut by.
const TOKEN_BYTES: usize = 4;

impl Reply {
    /// What is said, cut off at the most tokens that were asked for.
    pub(super) fn new(
        asked: &Asked,
        said: &Said,
        max_tokens: u64,
        per_event: usize,
        now_since_1970: Duration,
    ) -> Self {
        let mut left = max_tokens;
        let mut blocks = Vec::new();
        let mut cut = false;
        let id = format!("{:024x}", asked.number + 1);
        let tools = said.tools.iter().enumerate().map(|(at, (name, arguments))| {
            (Kind::Tool { id: format!("{id}{at:02}"), name: name.clone() }, arguments)
        });
        let plain = [(Kind::Reasoning, &said.reasoning), (Kind::Text, &said.text)];
        let plain = plain.into_iter().filter(|(_, text)| !text.is_empty());
        for (kind, text) in plain.chain(tools) {
            let tokens = tokens(text);
            let kept = tokens.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            cut |= kept < tokens.len();
            left -= kept as u64;
            if kept > 0 {
                let pieces = tokens[..kept].chunks(per_event.max(1));
                let pieces = pieces.map(|some| (some.concat(), some.len() as u64)).collect();
                blocks.push(Block { kind, pieces });
            }
        }
        let finish = match (cut, said.tools.is_empty()) {
            (true, _) => Finish::MaxTokens,
            (false, true) => Finish::Stop,
            (false, false) => Finish::Tools,
        };
        let output = (max_tokens - left).max(1);
        Self {
            id,
            model: asked.model.clone(),
            created: now_since_1970.as_secs(),
            blocks,
            finish,
            usage: Some(Usage { input: asked.input_tokens, output }),
            include_usage: asked.include_usage,
        }
    }

    /// The text of all blocks of a kind.
    pub(super) fn all(&self, kind: &Kind) -> String {
        self.blocks.iter().filter(|block| block.kind == *kind).map(Block::text).collect()
    }

    /// Its tokens, as they are counted.
    pub(super) fn tokens(&self) -> u64 {
        let pieces = self.blocks.iter().flat_map(|block| &block.pieces);
        pieces.map(|(_, tokens)| tokens).sum::<u64>().max(1)
    }
}

/// A text in pieces of four bytes, or a little more where a character does not end there.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::with_capacity(text.len() / TOKEN_BYTES + 1);
    let mut rest = text;
    while !rest.is_empty() {
        let end = (TOKEN_BYTES.min(rest.len())..=rest.len())
            .find(|end| rest.is_char_boundary(*end))
            .expect("a text ends at a character's end");
        let (token, behind) = rest.split_at(end);
        tokens.push(token);
        rest = behind;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn tokens_are_four_bytes_and_end_where_characters_do() {
        for (text, expected) in [
            ("", vec![]),
            ("abc", vec!["abc"]),
            ("abcdefghi", vec!["abcd", "efgh", "i"]),
            ("abc\u{e9}fg", vec!["abc\u{e9}", "fg"]),
        ] {
            assert_eq!(tokens(text), expected);
        }
    }
}
