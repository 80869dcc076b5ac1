//! The smallest rendered unit of a context, and the format-independent units that blocks are rendered from.

use std::borrow::Cow;
use std::sync::Arc;

use crate::entry::{Part, Role};

/// One rendered unit: a content block (Anthropic) or a message object (OpenAI chat). Frozen once it was answered (P1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Whose turn the block belongs to.
    pub role: Role,
    /// The block's JSON.
    pub json: Arc<str>,
}

/// What a group says, in the order in which a provider must see it, before a format gives it bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit<'a> {
    /// One whole message of the host, the user or the model, without the results in it.
    Say {
        /// Who speaks.
        role: Role,
        /// What is said.
        parts: Vec<Cow<'a, Part>>,
    },
    /// The answer to one call, directly behind the message that made the call.
    Result {
        /// The call's id.
        call: &'a str,
        /// What is answered.
        answer: Answer<'a>,
    },
    /// Text of Highwater's own, in the user's role: a summary, a placeholder, a quoted late result.
    Note {
        /// The text.
        text: String,
    },
}

/// What stands as the result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The result as it was given: a part of kind [`crate::PartKind::ToolResult`].
    Given(Cow<'a, Part>),
    /// Text in its place: a stand-in for a result that never came, or an elided result's placeholder.
    Text(String),
}
