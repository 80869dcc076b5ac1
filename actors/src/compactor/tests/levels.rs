//! Chunks, merges, and what fits into which call (B3).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use highwater_protocol::TokenCount;
use highwater_protocol::piece::Piece;
use highwater_protocol::prompt::Rendered;
use highwater_protocol::stretch::{Covered, Stretch};

use super::ground::{WINDOW, desk, group, pass, says, scripted, stretch, stretch_from};
use crate::gate::Errand;
use crate::model::ModelError;
use crate::summarize::{Completion, Model, Prompted, SummarizeError, Summarizer, SummaryRequest};

/// Tells what each call is about, and answers with a text that fills its cap.
struct Told(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Summarizer for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn window(&self) -> TokenCount {
        WINDOW
    }

    async fn summarize(&self, request: SummaryRequest) -> Result<Completion, SummarizeError> {
        let piece = |piece: &Piece| match piece {
            Piece::Summary { text, .. } => format!("S{}", text.len()),
            Piece::Group(group) => group.members[0].0.to_string(),
            Piece::Slice(slice) => format!("{}[..]", slice.seq),
        };
        let pieces: Vec<String> = request.pieces.iter().map(piece).collect();
        self.0.lock().expect("nobody panics").push(pieces.join(" "));
        let words = usize::try_from(request.cap.0).expect("a small cap");
        Ok(Completion::whole("word ".repeat(words - 1)))
    }
}

async fn calls(stretches: &[Stretch]) -> Vec<String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let desk = desk(Told(Arc::clone(&told))).await;
    pass(&desk, stretches).await;
    told.lock().expect("nobody panics").clone()
}

#[tokio::test(start_paused = true)]
async fn chunks_are_summarized_and_merged_level_by_level() {
    assert_eq!(calls(&[stretch(1, 100)]).await, ["#1"]);
    let partial = "S494";
    let merge = |count: usize| vec![partial; count].join(" ");
    assert_eq!(calls(&[stretch(3, 100)]).await, ["#1", "#2", "#3", &merge(3)]);
    let many = calls(&[stretch(12, 100)]).await;
    assert_eq!(many[12..], [merge(7), merge(5), merge(2)]);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_summary_is_part_of_the_first_chunk() {
    let mut stretch = stretch(2, 100);
    stretch.parts.insert(0, Covered::Summary("What was before.".into()));
    assert_eq!(calls(&[stretch]).await, ["S16 #1", "#2", "S494 S494"]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_over_the_window_is_summarized_slice_by_slice() {
    let mut stretch = stretch(2, 100);
    let long = format!(r#"{{"role":"user","content":"{}"}}"#, "a long word ".repeat(900));
    stretch.parts.insert(1, group(9, &long));
    let calls = calls(&[stretch]).await;
    assert!(calls[0].starts_with("#1"), "{calls:?}");
    assert!(calls.iter().filter(|call| call.contains("#9[..]")).count() >= 4, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn each_stretch_gets_its_summary_in_order_and_progress_counts_all_calls() {
    let summarizer = scripted(["one", "two", "three", "four", "five"].map(says));
    let desk = desk(summarizer).await;
    let ended = pass(&desk, &[stretch(1, 100), stretch_from(2, 3, 100)]).await;
    let texts: Vec<&str> = ended.summaries.iter().map(|summary| &*summary.text).collect();
    assert_eq!(texts, ["one", "five"]);
    assert!(ended.summaries.iter().all(|summary| &*summary.author == "scripted"));
    assert_eq!(ended.told, ["0 of 5", "1 of 5", "2 of 5", "3 of 5", "4 of 5", "5 of 5"]);
}

/// A model that holds every call against its window.
struct Strict;

#[async_trait]
impl Model for Strict {
    fn name(&self) -> &'static str {
        "strict-1"
    }

    fn window(&self) -> TokenCount {
        TokenCount(8_192)
    }

    async fn complete(
        &self,
        prompt: Rendered,
        max_output: TokenCount,
        _errand: &Errand,
    ) -> Result<Completion, ModelError> {
        let size = prompt.tokens() + max_output;
        assert!(size <= self.window(), "a call of {size}");
        Ok(Completion::whole("\"\u{1}\" ".repeat(60)))
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_exceeds_the_models_window_and_merges_of_dear_texts_come_to_an_end() {
    let desk = desk(Prompted::new(Strict)).await;
    let ended = pass(&desk, &[stretch(60, 2_000)]).await;
    assert_eq!(ended.only().1, "strict-1", "a panic of the model would have cost it the word");
}

#[tokio::test(start_paused = true)]
async fn answers_that_no_merge_can_take_together_are_merged_without_a_model() {
    let summarizer = scripted([says(&"\u{1}".repeat(140))]);
    let calls = summarizer.calls();
    let ended = pass(&desk(summarizer).await, &[stretch(3, 150)]).await;
    assert_eq!(calls.count(), 3);
    assert_eq!(ended.only().1, "scripted+extractive");
}
