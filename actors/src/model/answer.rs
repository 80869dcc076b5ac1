//! What a model answers.

use highwater_protocol::accept::Finish;
use highwater_protocol::limit::Amounts;

use super::{Broken, ModelError};

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
    /// The provider's own word for that; empty where it said none.
    pub word: String,
    /// What the provider counted. Tokens that it read from its cache are left out where it does not limit them.
    pub usage: Option<Amounts>,
    /// The message as JSON, as it goes into a transcript of the provider's format: role and content, or what stands in
    /// its place. Of a streamed answer it is put together from the parts.
    pub message: String,
}

impl Answer {
    /// The text, if the answer is one that can be used as it is: it ended by itself and says something.
    ///
    /// [`ModelError::Broken`] when it was cut off, is unfinished, is empty, or is nothing but reasoning;
    /// [`ModelError::Refused`] when the model would not answer, or a filter stopped it.
    pub fn whole(&self) -> Result<&str, ModelError> {
        let broken = |why, message: &str| Err(ModelError::Broken { why, message: message.into() });
        match self.finish {
            Finish::Complete => {}
            Finish::Length => {
                let message =
                    "the answer was cut off at the most tokens that were asked for: ask for more";
                return broken(Broken::Truncated, message);
            }
            Finish::Other if self.is_refused() => {
                let word = &self.word;
                return Err(ModelError::Refused(format!(
                    "the answer ended with {word}: a filter stopped it, or the model refuses to answer"
                )));
            }
            Finish::Other if self.word.is_empty() => {
                return broken(
                    Broken::Unfinished,
                    "the provider does not say how the answer ended",
                );
            }
            Finish::Other => {
                let message = format!("the answer ended with {}: it is not finished", self.word);
                return broken(Broken::Unfinished, &message);
            }
        }
        if !self.text.trim().is_empty() {
            return Ok(&self.text);
        }
        if !self.tool_calls.is_empty() {
            return broken(Broken::Empty, "the answer calls a tool and says nothing");
        }
        if !self.reasoning.trim().is_empty() {
            return broken(Broken::ReasoningOnly, "the answer is reasoning and nothing else");
        }
        broken(Broken::Empty, "the answer is empty")
    }

    /// Whether the word for its end says that somebody would not have it.
    fn is_refused(&self) -> bool {
        let word = self.word.to_ascii_lowercase();
        REFUSALS.iter().any(|part| word.contains(part))
    }
}

/// Parts of the words that providers have for answers that were refused, or stopped for what is in them.
const REFUSALS: [&str; 10] = [
    "filter",
    "refus",
    "safety",
    "policy",
    "moderat",
    "prohibited",
    "blocklist",
    "recitation",
    "guardrail",
    "sensitive",
];

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
pub enum Increment {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, reasoning: &str, finish: Finish, expected: Result<&str, &str>) {
        ends(text, reasoning, (finish, ""), expected);
    }

    fn ends(
        text: &str,
        reasoning: &str,
        (finish, word): (Finish, &str),
        expected: Result<&str, &str>,
    ) {
        let answer = Answer {
            text: text.to_owned(),
            reasoning: reasoning.to_owned(),
            tool_calls: Vec::new(),
            finish,
            word: word.to_owned(),
            usage: None,
            message: String::new(),
        };
        let found = answer.whole();
        if let Err(error) = &found
            && finish == Finish::Other
        {
            assert!(error.to_string().contains(word), "{error}");
        }
        let found = found.map_err(|error| match error {
            ModelError::Broken { why: Broken::Truncated, .. } => "truncated",
            ModelError::Broken { why: Broken::Unfinished, .. } => "unfinished",
            ModelError::Broken { why: Broken::Empty, .. } => "empty",
            ModelError::Broken { why: Broken::ReasoningOnly, .. } => "reasoning",
            ModelError::Refused(_) => "refused",
            _ => "another",
        });
        assert_eq!(found, expected, "{answer:?}");
    }

    #[test]
    fn only_an_answer_that_ended_and_says_something_is_whole() {
        check("a summary", "thought", Finish::Complete, Ok("a summary"));
        check("a summ", "", Finish::Length, Err("truncated"));
        check("", "thought for too long", Finish::Length, Err("truncated"));
        check(" \n", "", Finish::Complete, Err("empty"));
        check("", "thought", Finish::Complete, Err("reasoning"));
        check("So far", "", Finish::Other, Err("unfinished"));
    }

    #[test]
    fn the_word_for_an_end_says_whether_it_is_a_refusal() {
        for word in ["content_filter", "refusal", "SAFETY", "guardrail_intervened"] {
            ends("I will not", "", (Finish::Other, word), Err("refused"));
        }
        for word in ["pause_turn", "cancelled", "malformed_function_call"] {
            ends("So far", "", (Finish::Other, word), Err("unfinished"));
        }
    }

    #[test]
    fn an_answer_that_only_calls_a_tool_is_empty() {
        let call = ToolCall { id: "1".into(), name: "look".into(), arguments: "{}".into() };
        let answer = Answer {
            text: String::new(),
            reasoning: "thought".to_owned(),
            tool_calls: vec![call],
            finish: Finish::Complete,
            word: "stop".to_owned(),
            usage: None,
            message: String::new(),
        };
        let error = answer.whole().expect_err("it says nothing");
        assert!(matches!(error, ModelError::Broken { why: Broken::Empty, .. }), "{error:?}");
        assert!(error.to_string().contains("calls a tool"), "{error}");
    }
}
