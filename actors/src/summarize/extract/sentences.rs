//! Picking sentences, lines and paths out of text.

use std::collections::BTreeMap;

/// The first `chars` characters, marked where something is missing.
pub(super) fn clip(text: &str, chars: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// Sentences and list lines of a text, without code blocks.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    let prose = text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    prose.flat_map(split).map(str::trim).filter(|sentence| sentence.len() >= 12)
}

/// Splits a line behind signs that end a sentence: those before a blank, so that `main.rs` and `3.14` stay whole.
fn split(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let ends = [". ", "! ", "? "].iter().filter_map(|sign| rest.find(sign)).min();
        let (sentence, behind) = rest.split_at(ends.map_or(rest.len(), |at| at + 1));
        rest = behind;
        Some(sentence)
    })
}

/// A line in parts of at most `chars` characters where the ends of its sentences allow it; a shorter one stays whole.
pub(super) fn wrapped(line: &str, chars: usize) -> Vec<&str> {
    let (mut parts, mut start, mut end, mut count) = (Vec::new(), 0, 0, 0);
    let whole = line.chars().count() <= chars;
    for sentence in split(line) {
        let more = sentence.chars().count();
        if !whole && count > 0 && count + more > chars {
            parts.push(&line[start..end]);
            (start, count) = (end, 0);
        }
        end += sentence.len();
        count += more;
    }
    parts.push(&line[start..]);
    parts
}

/// Lines that mention one of the words.
pub(super) fn lines_with<'a>(text: &'a str, words: &'a [&str]) -> impl Iterator<Item = &'a str> {
    text.lines().map(str::trim).filter(|line| {
        let lower = line.to_ascii_lowercase();
        line.len() <= 400 && words.iter().any(|word| lower.contains(word))
    })
}

/// What looks like a file path in a call's arguments.
pub(super) fn paths(arguments: &str) -> impl Iterator<Item = &str> {
    let separators = |c: char| c.is_whitespace() || "\"'`,;()[]{}<>=|".contains(c);
    arguments.split(separators).map(|word| word.trim_end_matches(['\\', '.', ':'])).filter(|word| {
        let slash = word.contains('/') && !word.contains("://");
        let named = word.rsplit('/').next().is_some_and(|name| name.contains('.'));
        slash && named && word.len() > 4 && word.len() <= 200 && !word.contains('\\')
    })
}

/// The sentences whose words occur most often in the whole text, in the order of the text.
pub(super) fn ranked(text: &str, count: usize) -> Vec<&str> {
    let mut frequency: BTreeMap<String, u32> = BTreeMap::new();
    for word in words(text) {
        *frequency.entry(word).or_default() += 1;
    }
    let mut scored: Vec<(u64, usize, &str)> = sentences(text)
        .enumerate()
        .map(|(place, sentence)| {
            let weights: Vec<u64> =
                words(sentence).map(|word| u64::from(frequency[&word])).collect();
            let total: u64 = weights.iter().sum();
            (total * 100 / (weights.len() as u64 + 6), place, sentence)
        })
        .collect();
    scored.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    scored.truncate(count);
    scored.sort_by_key(|(_, place, _)| *place);
    scored.into_iter().map(|(_, _, sentence)| sentence).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= 4)
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_leave_code_out() {
        let text = "First we look at it. Then we fix it!\n```\nlet x = compute(12345);\n```\n- a list line";
        let found: Vec<&str> = sentences(text).collect();
        assert_eq!(found, ["First we look at it.", "Then we fix it!", "- a list line"]);
    }

    #[test]
    fn paths_are_found_in_arguments() {
        let arguments = r#"{"file_path":"/srv/app/src/main.rs","command":"cat docs/a.md | wc https://x.org/a.b"}"#;
        let found: Vec<&str> = paths(arguments).collect();
        assert_eq!(found, ["/srv/app/src/main.rs", "docs/a.md"]);
    }

    #[test]
    fn clipping_never_splits_a_character() {
        assert_eq!(clip("\u{e4}\u{f6}\u{fc}", 2), "\u{e4}\u{f6}...");
        assert_eq!(clip("short", 20), "short");
    }

    #[test]
    fn long_lines_are_wrapped_at_the_ends_of_sentences() {
        let line = "One two. Three four. Five.";
        assert_eq!(wrapped(line, 100), [line]);
        assert_eq!(wrapped(line, 20), ["One two. Three four.", " Five."]);
        assert_eq!(wrapped(line, 3), ["One two.", " Three four.", " Five."]);
    }

    #[test]
    fn ranked_sentences_stand_in_the_order_of_the_text() {
        let text =
            "The harbour store moves. Lunch was fine today. The harbour store keeps time zones.";
        assert_eq!(
            ranked(text, 2),
            ["The harbour store moves.", "The harbour store keeps time zones."]
        );
    }
}
