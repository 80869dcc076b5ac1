//! How an answer ended by the words of all protocols; they do not contradict each other.

use highwater_protocol::accept::Finish;

use super::refusal::one_line;
use super::{Fault, Said};

/// How an answer ended: what that means, and the provider's own word for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) finish: Finish,
    /// Empty where nothing was said.
    pub(super) word: String,
}

impl Ended {
    /// The end that a word means. Words that mean an error are one, as if it had been said in place of the answer.
    pub(super) fn by(word: &str) -> Result<Self, Fault> {
        let word = one_line(word);
        let finish = match word.to_ascii_lowercase().as_str() {
            "end_turn" | "stop_sequence" | "tool_use" | "stop" | "tool_calls" | "function_call"
            | "eos" | "eos_token" | "completed" | "complete" => Finish::Complete,
            "max_tokens" | "length" | "max_output_tokens" | "model_context_window_exceeded" => {
                Finish::Length
            }
            error if error == "error" || error.ends_with("_error") => {
                let said = format!("the answer ended with {word}");
                return Err(Fault::Said(Said::of_body(&said)));
            }
            _ => Finish::Other,
        };
        Ok(Self { finish, word })
    }

    /// The end of an answer that is there, and of which nobody said how it ended.
    pub(super) fn unsaid() -> Self {
        Self { finish: Finish::Other, word: String::new() }
    }

    /// The model refuses to answer, whatever it calls its end.
    pub(super) fn refused() -> Self {
        Self { finish: Finish::Other, word: "refusal".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Refusal;
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_kept_as_they_are() {
        for (word, finish) in [
            ("stop", Finish::Complete),
            ("STOP", Finish::Complete),
            ("End_Turn", Finish::Complete),
            ("COMPLETE", Finish::Complete),
            ("MAX_TOKENS", Finish::Length),
            ("content_filter", Finish::Other),
            ("pause_turn", Finish::Other),
            ("", Finish::Other),
        ] {
            let ended = Ended::by(word).expect("no error");
            assert_eq!((ended.finish, ended.word.as_str()), (finish, word));
        }
        assert_eq!(Ended::by("a\n\u{202e}b").expect("no error").word, "a b");
    }

    #[test]
    fn an_error_in_the_place_of_an_end_is_worth_another_try() {
        for word in ["error", "Error", "network_error"] {
            match Ended::by(word) {
                Err(Fault::Said(said)) => {
                    assert_eq!(said.means(said.status(200)), Refusal::Transient);
                    let says = said.words(str::to_owned);
                    assert_eq!(says, format!("the answer ended with {word}"));
                }
                other => panic!("{word}: {other:?}"),
            }
        }
    }
}
