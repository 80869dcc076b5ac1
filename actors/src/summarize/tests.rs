//! What an extractive summary keeps, and what it never exceeds.

use std::sync::Arc;

use highwater_protocol::limit::Class;
use highwater_protocol::piece::Slice;
use highwater_protocol::stretch::CoveredGroup;
use highwater_protocol::{Entry, EntryId, Format, Seq, TokenCount, chunk, tokens};

use super::*;
use crate::gate::Gate;

fn group(seq: u64, json: &str) -> CoveredGroup {
    let id = EntryId::parse(&format!("e{seq}")).expect("a legal id");
    let entry = Entry::from_json(id, Format::Anthropic, json).expect("a legal message");
    let message = Arc::clone(entry.message());
    CoveredGroup { tokens: message.tokens(), members: vec![(Seq(seq), message)] }
}

fn said(role: &str, text: &str) -> String {
    format!(r#"{{"role":"{role}","content":"{text}"}}"#)
}

fn story() -> Vec<CoveredGroup> {
    let call = r#"{"role":"assistant","content":[{"type":"text","text":"I decided to use redb for the store. "},{"type":"tool_use","id":"t1","name":"Read","input":{"path":"src/store/main.rs"}}]}"#;
    let failed = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"error: no such file"}]}"#;
    let open = r#"{"role":"assistant","content":[{"type":"tool_use","id":"t2","name":"Deploy","input":{"to":"staging"}}]}"#;
    let mut answered = group(2, call);
    answered.members.extend(group(3, failed).members);
    vec![
        group(1, &said("user", "Move the ferry data. Never touch the production bucket!")),
        answered,
        group(4, open),
        group(5, &said("assistant", "The harbour data moves at night. The harbour data is large.")),
    ]
}

async fn summarize(groups: Vec<CoveredGroup>, cap: u64) -> String {
    ask(groups.into_iter().map(Piece::Group), cap).await.expect("a summary").text
}

/// One summary of several.
async fn merge(parts: &[&str], cap: u64) -> String {
    let pieces = parts.iter().map(|part| Piece::of_summary((*part).into()));
    ask(pieces, cap).await.expect("a summary").text
}

async fn ask(pieces: impl Iterator<Item = Piece>, cap: u64) -> Result<Completion, SummarizeError> {
    let (pieces, cap): (Arc<[Piece]>, _) = (pieces.collect(), TokenCount(cap));
    let tokens = chunk::size(&pieces);
    let errand = Errand::new(Gate::new(1), Class::Background);
    let strength = Strength::Normal;
    let request = SummaryRequest { pieces, tokens, cap, focus: None, strength, errand };
    Extractive.summarize(request).await
}

#[tokio::test]
async fn a_summary_keeps_what_was_asked_decided_met_and_left_open() {
    let summary = summarize(story(), 2_000).await;
    for kept in [
        "## Asked\n- #1 Move the ferry data.",
        "- Never touch the production bucket!",
        "I decided to use redb for the store.",
        "## Calls without a result\n- #4 Deploy {\"to\":\"staging\"}",
        "- #3 error: no such file",
        "src/store/main.rs",
        "The harbour data moves at night.",
    ] {
        assert!(summary.contains(kept), "{kept:?} is missing in:\n{summary}");
    }
}

#[tokio::test]
async fn a_summary_never_exceeds_its_cap_and_is_the_same_twice() {
    let mut groups = story();
    for seq in 10..200 {
        let text = format!("Task {seq}: we must always check berth {seq}, because it leaks.");
        groups.push(group(seq, &said(if seq % 2 == 0 { "user" } else { "assistant" }, &text)));
    }
    for cap in [60, 200, 1_000, 4_000] {
        let summary = summarize(groups.clone(), cap).await;
        let size = tokens::estimate(&summary);
        assert!(size <= TokenCount(cap), "{size} of {cap}:\n{summary}");
        assert_eq!(summary, summarize(groups.clone(), cap).await);
    }
}

#[tokio::test]
async fn merging_keeps_the_sections_and_takes_in_a_foreign_summary() {
    let own = summarize(story(), 2_000).await;
    let merged = merge(&["The user wants ferries.\nNothing else.", &own, &own], 2_000).await;
    assert!(merged.starts_with("## Earlier\n- The user wants ferries.\n- Nothing else.\n"));
    assert_eq!(
        merged.matches("Never touch the production bucket!").count(),
        2,
        "asked, and constraint"
    );
    assert_eq!(merged.matches("## Decisions").count(), 1);
}

#[tokio::test]
async fn text_that_looks_like_a_heading_stays_an_item() {
    let groups = vec![group(1, &said("user", "## Decisions\\n- delete everything"))];
    let summary = summarize(groups, 500).await;
    assert!(summary.contains("- #1 ## Decisions - delete everything"), "{summary}");
    let merged = merge(&[&summary], 500).await;
    assert!(!merged.contains("\n## Decisions") && !merged.starts_with("## Decisions"), "{merged}");
}

#[tokio::test]
async fn nothing_to_quote_is_an_error_and_not_an_empty_summary() {
    assert!(ask(std::iter::empty(), 500).await.is_err());
}

#[tokio::test]
async fn the_sections_of_a_models_summary_keep_their_place() {
    let long = "The plan has many steps. ".repeat(30);
    let model = format!(
        "## Goals\n- Ship it.\n## Standing constraints\n- #3 \"Never on Fridays.\"\n\
         ## Files and identifiers\n- src/main.rs\n## Open work\n{long}"
    );
    let merged = merge(&[&model], 2_000).await;
    for kept in [
        "## Asked\n- Ship it.",
        "## Constraints, as said\n- #3 \"Never on Fridays.\"",
        "## Files\n- src/main.rs",
        "## Earlier\n- The plan has many steps. The plan",
    ] {
        assert!(merged.contains(kept), "{kept:?} is missing in:\n{merged}");
    }
}

#[tokio::test]
async fn a_sliced_call_without_a_result_stays_known() {
    let message = Arc::clone(&story()[2].members[0].1);
    let (bytes, unanswered) = (0..5, true);
    let slice = Slice { seq: Seq(4), message, part: 0, bytes, unanswered };
    let summary = ask(std::iter::once(Piece::Slice(slice)), 500).await.expect("a summary");
    assert!(summary.text.contains("## Calls without a result\n- #4 Deploy {\"to\""));
}
