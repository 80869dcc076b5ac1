//! What lies in which chunk, and that no prompt made of one exceeds the window.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::entry::{Message, Part, PartKind, Role};
use crate::ids::Digest;
use crate::position::Seq;
use crate::prompt::{Prompt, Strength};

fn message(parts: Vec<PartKind>) -> Arc<Message> {
    let parts = parts.into_iter().map(|kind| Part::new(kind, None)).collect();
    let (role, label) = (Role::Assistant, "assistant".into());
    Arc::new(Message { role, message_id: None, label, parts, digest: Digest::ZERO })
}

fn text(text: &str) -> PartKind {
    PartKind::Text { text: text.into() }
}

/// Groups of one message each, numbered from 1.
fn groups(messages: Vec<Arc<Message>>) -> Vec<Covered> {
    let numbered = (1_u64..).zip(messages);
    let group = |(seq, message): (u64, Arc<Message>)| {
        let tokens = message.tokens();
        Covered::Group(CoveredGroup { members: vec![(Seq(seq), message)], tokens })
    };
    numbered.map(group).collect()
}

/// Each chunk as the pieces in it: `S` for a summary, `#n` for a whole group, `#n[a..b]` for a slice.
fn told(parts: &[Covered], room: u64) -> Vec<String> {
    let piece = |piece: &Piece| match piece {
        Piece::Summary { .. } => "S".to_owned(),
        Piece::Group(group) => group.members[0].0.to_string(),
        Piece::Slice(slice) => format!("{}[{:?}]", slice.seq, slice.bytes),
    };
    let chunk = |chunk: Chunk| chunk.pieces.iter().map(piece).collect::<Vec<_>>().join(" ");
    chunks(parts, TokenCount(room)).map(chunk).collect()
}

#[test]
fn chunks_fill_the_room_at_group_boundaries_and_keep_the_order() {
    let words = |count: usize| message(vec![text(&"word ".repeat(count))]);
    let mut parts = groups(vec![words(300), words(100), words(300), words(1)]);
    assert_eq!(told(&parts, 600), ["#1 #2", "#3 #4"]);
    assert_eq!(told(&parts, 5_000), ["#1 #2 #3 #4"]);
    parts.insert(0, Covered::Summary("what was before".into()));
    assert_eq!(told(&parts, 600), ["S #1 #2", "#3 #4"]);
    assert_eq!(told(&[], 600), Vec::<String>::new());
}

#[test]
fn a_group_over_the_room_is_sliced_and_its_neighbours_are_not() {
    let parts = groups(vec![
        message(vec![text("before")]),
        message(vec![text(&"0123456789".repeat(350))]),
        message(vec![text("after")]),
    ]);
    let chunks = told(&parts, 600);
    assert!(chunks.len() >= 3 && chunks[0].starts_with("#1 #2[0.."), "{chunks:?}");
    assert!(chunks[1].starts_with("#2["), "{chunks:?}");
    assert!(chunks.last().expect("a chunk").ends_with("..3500] #3"), "{chunks:?}");
}

#[test]
fn a_call_that_was_sliced_still_says_whether_it_was_answered() {
    let call = |id: &str| PartKind::ToolCall {
        id: id.into(),
        name: "Write".into(),
        arguments: "x y ".repeat(2_000).into(),
    };
    let answer =
        PartKind::ToolResult { call: "c1".into(), text: "ok".into(), is_error: false, media: 0 };
    let parts = groups(vec![message(vec![call("c1"), call("c2"), answer])]);
    for chunk in chunks(&parts, TokenCount(1_000)) {
        for piece in &*chunk.pieces {
            let Piece::Slice(slice) = piece else { panic!("the group is over the room") };
            assert_eq!(slice.unanswered, slice.part == 1, "part {}", slice.part);
        }
    }
}

#[test]
fn shares_leave_room_for_everything_and_make_merges_converge() {
    for (window, overhead, cap) in
        [(0, 0, 100), (2_000, 800, 9_000), (200_000, 900, 15_000), (u64::MAX / 2, 900, 15_000)]
    {
        let shares = Shares::of(TokenCount(window), TokenCount(overhead), TokenCount(cap));
        let taken = shares.data.0 + overhead + limit(shares.answer).0;
        assert!(taken <= window.max(MIN_WINDOW_TOKENS.0), "{window}: {shares:?}");
        assert!(shares.answer.0 <= cap && shares.partial.0 * 4 <= shares.data.0, "{shares:?}");
    }
}

/// Texts of all that is cheap or dear to escape and to count.
fn body_text() -> impl Strategy<Value = String> {
    let grain = prop_oneof![
        "[a-z ]{0,40}",
        "[0-9\"\\\\]{0,20}",
        Just("\u{1}\u{2}\n\t\r".to_owned()),
        Just("<|im_end|>".to_owned()),
        Just("\u{20ac}\u{1f6a2}\u{e4}".to_owned()),
        Just("    a b  ".to_owned()),
    ];
    let short = vec(grain.clone(), 0..6).prop_map(|grains| grains.concat());
    let long = (grain, 1..800_usize).prop_map(|(grain, times)| grain.repeat(times));
    prop_oneof![3 => short, 1 => long]
}

fn part() -> impl Strategy<Value = PartKind> {
    (0..5_u8, body_text(), "\\PC{0,80}").prop_map(|(kind, body, name)| {
        let (body, name) = (body.into_boxed_str(), name.into_boxed_str());
        match kind {
            0 => PartKind::Text { text: body },
            1 => PartKind::Reasoning { text: body },
            2 => PartKind::ToolCall { id: name.clone(), name, arguments: body },
            3 => PartKind::ToolResult { call: name, text: body, is_error: true, media: 2 },
            _ => PartKind::Media { label: name },
        }
    })
}

fn covered() -> impl Strategy<Value = Vec<Covered>> {
    let group = vec(vec(part(), 0..4).prop_map(message), 1..3).prop_map(|messages| {
        let members = (1_u64..).map(Seq).zip(messages).collect();
        Covered::Group(CoveredGroup { members, tokens: TokenCount::ZERO })
    });
    let summary = body_text().prop_map(|text| Covered::Summary(text.into()));
    vec(prop_oneof![4 => group, 1 => summary], 0..8)
}

/// The texts of some parts, one behind the other.
fn texts(parts: &[Covered]) -> String {
    let mut all = String::new();
    for part in parts {
        match part {
            Covered::Summary(text) => all.push_str(text),
            Covered::Group(group) => {
                let messages = group.members.iter().map(|(_, message)| message);
                let parts = messages.flat_map(|message| &message.parts);
                parts.for_each(|part| all.push_str(body(&part.kind)));
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn every_byte_lies_in_exactly_one_chunk_in_order(parts in covered(), room in 0..3_000_u64) {
        let mut found = String::new();
        for chunk in chunks(&parts, TokenCount(room)) {
            prop_assert!(!chunk.pieces.is_empty());
            for piece in &*chunk.pieces {
                piece.passages().iter().for_each(|passage| found.push_str(passage.text));
            }
        }
        prop_assert_eq!(found, texts(&parts));
    }

    #[test]
    fn no_prompt_made_of_a_chunk_exceeds_its_window(
        parts in covered(),
        focus in body_text(),
        window in 8_000..20_000_u64,
        cap in 0..9_000_u64,
    ) {
        let (window, focus) = (TokenCount(window), Some(focus.as_str()));
        let shares = Shares::of(window, prompt::overhead(focus), TokenCount(cap));
        for Chunk { pieces, tokens } in chunks(&parts, shares.data) {
            prop_assert!(tokens <= shares.data, "{tokens} of {}", shares.data);
            prop_assert_eq!(tokens, size(&pieces));
            for strength in [Strength::Normal, Strength::Tighter] {
                let prompt = Prompt { strength, cap: shares.answer, focus, pieces: &pieces };
                let by_parts = prompt.around() + tokens;
                prop_assert!(prompt.render().tokens() <= by_parts, "each part is rounded up");
                let whole = by_parts + limit(shares.answer);
                prop_assert!(whole <= window, "{whole} of {window}");
            }
        }
    }
}
