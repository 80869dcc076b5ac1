//! From the normal prompt to the tighter one to the deterministic summarizer, and who is said to have written what (V12).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use highwater_protocol::TokenCount;
use highwater_protocol::prompt::Strength;
use highwater_protocol::stretch::Covered;

use super::ground::{WINDOW, desk, desk_of, group, pass, says, scripted, stretch};
use crate::summarize::{
    Completion, Extractive, Scripted, Step, SummarizeError, Summarizer, SummaryRequest,
};

const NOW: Duration = Duration::ZERO;

/// All that a summarizer may do instead of summarizing, but for hanging.
fn bad() -> Vec<Step> {
    vec![
        Step::empty(NOW),
        Step::Say { after: NOW, text: "<think>about it".to_owned() },
        Step::Say { after: NOW, text: "I'm sorry, I can't help with that.".to_owned() },
        Step::Say { after: NOW, text: "{\"tool_calls\":[]}".to_owned() },
        Step::error_text(NOW),
        Step::too_many_requests(NOW),
        Step::CutOff { after: NOW, text: "## Goals\nShi".to_owned() },
        Step::TooLong { after: NOW },
        Step::Panic,
    ]
}

#[tokio::test(start_paused = true)]
async fn a_bad_answer_is_asked_for_once_more() {
    for step in bad() {
        let told = format!("{step:?}");
        let summarizer = scripted([step, says("The gist.")]);
        let calls = summarizer.calls();
        let ended = pass(&desk(summarizer).await, &[stretch(1, 100)]).await;
        assert_eq!(ended.only(), ("The gist.", "scripted"), "{told}");
        assert_eq!(calls.count(), 2, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_bad_answer_leaves_its_piece_to_the_deterministic_summarizer() {
    for step in bad() {
        let told = format!("{step:?}");
        let summarizer = scripted([step.clone(), step.clone(), says("The rest."), says("All.")]);
        let ended = pass(&desk(summarizer).await, &[stretch(2, 200)]).await;
        assert_eq!(ended.only(), ("All.", "scripted+extractive"), "{told}");
        let summarizer = scripted([step]);
        let ended = pass(&desk(summarizer).await, &[stretch(2, 200)]).await;
        let (text, author) = ended.only();
        assert_eq!(author, "extractive", "{told}");
        assert!(text.contains("#1 Message 1: we must check berth number four."), "{text}");
    }
}

/// Notes the strength of each call, and fails it.
struct Strengths(Arc<Mutex<Vec<Strength>>>);

#[async_trait]
impl Summarizer for Strengths {
    fn name(&self) -> &'static str {
        "strengths"
    }

    fn window(&self) -> TokenCount {
        WINDOW
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        self.0.lock().expect("nobody panics").push(request.strength);
        Err(SummarizeError::new("always"))
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_try_is_tighter_and_a_model_that_is_down_is_given_up() {
    let strengths = Arc::new(Mutex::new(Vec::new()));
    let desk = desk(Strengths(Arc::clone(&strengths))).await;
    let ended = pass(&desk, &[stretch(10, 200)]).await;
    let (normal, tighter) = (Strength::Normal, Strength::Tighter);
    assert_eq!(*strengths.lock().expect("nobody panics"), [normal, tighter, normal, tighter]);
    assert_eq!(ended.only().1, "extractive");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_down_is_not_asked_for_every_piece_where_there_is_another() {
    let down = scripted([Step::too_many_requests(NOW)]);
    let asked = down.calls();
    let desk = desk_of(vec![Arc::new(down), Arc::new(scripted([says("A part.")]))]).await;
    let ended = pass(&desk, &[stretch(8, 100)]).await;
    assert_eq!(ended.only(), ("A part.", "scripted"));
    assert_eq!(asked.count(), 2, "of nine pieces");
}

#[tokio::test(start_paused = true)]
async fn failures_with_answers_between_them_do_not_add_up() {
    let pair = [Step::empty(NOW), says("A part.")];
    let steps: Vec<Step> = std::iter::repeat_n(pair, 9).flatten().collect();
    let summarizer = scripted(steps);
    let calls = summarizer.calls();
    let ended = pass(&desk(summarizer).await, &[stretch(8, 100)]).await;
    assert_eq!(ended.only(), ("A part.", "scripted"));
    assert_eq!(calls.count(), 18, "two for each chunk, and for the merge");
}

#[tokio::test(start_paused = true)]
async fn no_cap_is_too_small_for_something_to_be_said() {
    for cap in (2..60).chain([100, 400, 3_000]) {
        for step in [Step::TooLong { after: NOW }, Step::Panic] {
            let ended = pass(&desk(scripted([step])).await, &[stretch(3, cap)]).await;
            assert_eq!(ended.only().1, "extractive", "cap {cap}");
        }
        pass(&desk(Extractive).await, &[stretch(3, cap)]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_can_be_quoted_a_plain_sentence_stands() {
    let thought = r#"{"role":"assistant","content":[{"type":"thinking","thinking":"hm"}]}"#;
    let mut stretch = stretch(0, 100);
    for parts in [vec![], vec![group(1, thought)], vec![Covered::Summary("".into())]] {
        stretch.parts = parts;
        let ended = pass(&desk(Scripted::new([])).await, std::slice::from_ref(&stretch)).await;
        let sentence = "Entries #1 to #1 stood here. Nothing in them could be quoted.";
        assert_eq!(ended.only(), (sentence, "extractive"));
    }
}
