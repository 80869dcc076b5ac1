//! Fitting a folder whose numbers are known.

use std::fmt::Write;

use super::super::behaviour::Behaviour;
use super::fit;

/// A session of `turns` turns in which everything has a known size: message n of the user has n bytes, the model answers
/// it with two calls and then with words.
fn session(turns: usize) -> String {
    let mut lines = String::new();
    let mut line = |second: usize, kind: &str, message: String| {
        let stamp = format!("2025-01-01T00:{:02}:{:02}.000Z", second / 60, second % 60);
        let ids = format!(r#""uuid":"{second}","sessionId":"s","timestamp":"{stamp}""#);
        writeln!(lines, r#"{{"type":"{kind}",{ids},"message":{message}}}"#).expect("a string");
    };
    for turn in 1..=turns {
        let at = turn * 20;
        line(at, "user", format!(r#"{{"role":"user","content":"{}"}}"#, "u".repeat(turn)));
        for call in ["a", "b"] {
            let content = format!(
                r#"{{"type":"tool_use","id":"{call}{turn}","name":"ls","input":{{"x":1}}}}"#
            );
            line(
                at + 3,
                "assistant",
                format!(r#"{{"id":"m{turn}","role":"assistant","content":[{content}]}}"#),
            );
        }
        for call in ["a", "b"] {
            let content = format!(
                r#"{{"type":"tool_result","tool_use_id":"{call}{turn}","content":"{}"}}"#,
                "r".repeat(100)
            );
            line(at + 4, "user", format!(r#"{{"role":"user","content":[{content}]}}"#));
        }
        let said = r#"{"id":"n","role":"assistant","content":[{"type":"text","text":"done"}]}"#;
        line(at + 9, "assistant", said.replace("\"n\"", &format!("\"n{turn}\"")));
    }
    lines
}

#[test]
fn a_folder_of_known_numbers_has_those_quantiles() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("below")).expect("a directory");
    for (name, text) in [
        ("a.jsonl", session(10)),
        ("below/b.jsonl", session(4)),
        ("README.md", "not a transcript\n".to_owned()),
    ] {
        std::fs::write(dir.path().join(name), text).expect("a file");
    }
    let fitted = fit(dir.path()).expect("it can be listed");
    assert_eq!((fitted.transcripts, fitted.skipped.len()), (2, 1));
    let behaviour = fitted.samples.into_behaviour();
    let found: Vec<(&str, u64, u64, u64)> = behaviour
        .named()
        .map(|(name, d)| (name, d.samples, d.quantiles[3], d.quantiles[8]))
        .collect();
    assert_eq!(
        found,
        [
            ("user_text_bytes", 14, 4, 10),
            ("model_text_bytes", 28, 0, 4),
            ("calls_per_step", 28, 0, 2),
            ("argument_bytes", 28, 7, 7),
            ("result_bytes", 28, 100, 100),
            ("steps_per_turn", 14, 2, 2),
            ("turns_per_session", 2, 4, 10),
            ("model_ms", 28, 3_000, 5_000),
            ("think_ms", 12, 11_000, 11_000),
        ]
    );
    let again = Behaviour::read("fitted", &behaviour.to_toml()).expect("it is a legal file");
    assert_eq!(again, behaviour);
}
