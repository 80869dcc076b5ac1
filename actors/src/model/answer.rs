//! What a model answers.

use highwater_protocol::accept::Finish;
use highwater_protocol::limit::Amounts;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its text; of several blocks, joined.
    pub text: String,
    /// Its reasoning, as far as the provider shows it.
    pub reasoning: String,
    /// The tools that it calls.
    pub tool_calls: Vec<ToolCall>,
    /// How it ended.
    pub finish: Finish,
    /// What the provider counted against its limits.
    pub usage: Option<Amounts>,
    /// The message as JSON, as it goes into a transcript of the provider's format: role and content, or what stands in its
    /// place. Of a streamed answer it is put together from the parts.
    pub message: String,
}

/// A tool that is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as JSON text, as the model wrote them.
    pub arguments: String,
}

/// A part of an answer as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// More of the text.
    Text(String),
    /// More of the reasoning.
    Reasoning(String),
    /// A tool call begins; its arguments follow.
    ToolCall {
        /// Which of the answer's calls, from 0.
        index: usize,
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
    },
    /// More of a tool call's arguments.
    Arguments {
        /// Which of the answer's calls, from 0.
        index: usize,
        /// The text.
        text: String,
    },
}
