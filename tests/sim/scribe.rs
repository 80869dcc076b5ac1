//! The model that writes summaries as badly as models can: slowly, never, too long, empty, with an error's text.

use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use highwater::summarize::{Completion, SummarizeError, Summarizer, SummaryRequest};
use highwater_protocol::TokenCount;
use highwater_protocol::accept::Finish;

use crate::ground::{PLANTED, locked};
use highwater_tests::dice::Dice;

/// Stands in every answer that must never become a summary.
pub(crate) const BAD: &str = "not-a-summary";

/// What one call does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Good,
    Slow,
    Never,
    Fails,
    Busy,
    Empty,
    Blank,
    TooLong,
    CutOff,
    ErrorText,
    ReasonsOnly,
    CallsTool,
    Panics,
}

const ACTS: [(u64, Act); 13] = [
    (40, Act::Good),
    (12, Act::Slow),
    (6, Act::Never),
    (5, Act::Fails),
    (5, Act::Busy),
    (4, Act::Empty),
    (3, Act::Blank),
    (5, Act::TooLong),
    (4, Act::CutOff),
    (4, Act::ErrorText),
    (3, Act::ReasonsOnly),
    (3, Act::CallsTool),
    (4, Act::Panics),
];

/// A summarizer of moods.
pub(crate) struct Scribe {
    dice: Mutex<Dice>,
    window: TokenCount,
}

impl Scribe {
    pub(crate) fn new(dice: Dice, window: TokenCount) -> Self {
        Self { dice: Mutex::new(dice), window }
    }

    fn draw(&self) -> (Act, u64) {
        let mut dice = locked(&self.dice);
        (dice.weighted(&ACTS), dice.draw())
    }
}

#[async_trait]
impl Summarizer for Scribe {
    fn name(&self) -> &'static str {
        "scribe"
    }

    fn window(&self) -> TokenCount {
        self.window
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        let (act, number) = self.draw();
        let after = if matches!(act, Act::Slow) { number % 90_000 } else { number % 40 };
        tokio::time::sleep(Duration::from_millis(after)).await;
        let whole = |text: String| Ok(Completion::whole(text));
        match act {
            Act::Good | Act::Slow => whole(format!("gist {:x}.", number % 0xffff)),
            Act::Never => pending().await,
            Act::Fails => Err(SummarizeError::new(format!("{BAD}: connection reset"))),
            Act::Busy => Err(SummarizeError::new(format!("{BAD}: 429 Too Many Requests"))),
            Act::Empty => whole(String::new()),
            Act::Blank => whole(" \n\t ".to_owned()),
            Act::TooLong => {
                let words = usize::try_from(request.cap.0).unwrap_or(0).min(20_000);
                whole(format!("{BAD} {}", "word ".repeat(words + 8)))
            }
            Act::CutOff => {
                let text = format!("{BAD} and then the");
                Ok(Completion { text, finish: Finish::Length })
            }
            Act::ErrorText => whole(format!(
                "{{\"error\":{{\"type\":\"overloaded_error\",\"message\":\"{BAD}\"}}}}"
            )),
            Act::ReasonsOnly => whole(format!("<think>{BAD}</think>")),
            Act::CallsTool => whole(format!("{{\"name\":\"{BAD}\",\"arguments\":{{}}}}")),
            Act::Panics => panic!("{PLANTED}the scribe"),
        }
    }
}
