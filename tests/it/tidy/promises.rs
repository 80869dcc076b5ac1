//! What `docs/semantics.md` names: the files and the tests that hold a promise or a case are there.

use std::collections::BTreeSet;

use super::ROOMS;
use super::sources::{Source, root, sources};

fn promises() -> String {
    std::fs::read_to_string(root().join("docs/semantics.md")).expect("the promises are there")
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Whether a text is a test's name with its modules: `passes::closing_abandons_the_pass`.
fn names_a_test(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|letter: char| letter.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let name = text.rsplit("::").next().unwrap_or_default();
    text.contains("::") && text.split("::").all(is_word) && name.matches('_').count() >= 2
}

/// Whether one of the files at this module has a test of this name. Tests may stand in the file that they test.
fn has_test(sources: &[Source], path: &str) -> bool {
    let (modules, name) = path.rsplit_once("::").expect("a name has a module");
    let inline = modules.strip_suffix("::tests").unwrap_or(modules);
    let ends = [modules, inline].map(|modules| format!("/{}.rs", modules.replace("::", "/")));
    let mut files =
        sources.iter().filter(|source| ends.iter().any(|end| source.path.ends_with(end)));
    files.any(|file| file.tests().any(|test| test == name))
}

#[test]
fn every_file_and_every_test_that_a_promise_names_is_there() {
    let (text, sources) = (promises(), sources(&ROOMS));
    let named = quoted(&text);
    let tests: BTreeSet<&str> = named.iter().copied().filter(|name| names_a_test(name)).collect();
    let files: BTreeSet<&str> = named.iter().copied().filter(|name| name.contains('/')).collect();
    assert!(tests.len() > 50 && files.len() > 40, "{} and {}", tests.len(), files.len());
    let lost: Vec<_> = tests.into_iter().filter(|test| !has_test(&sources, test)).collect();
    assert!(lost.is_empty(), "tests that are not there:\n{}", lost.join("\n"));
    let found = |file: &str| file.contains('*') || root().join(file).exists();
    let lost: Vec<_> = files.into_iter().filter(|file| !found(file)).collect();
    assert!(lost.is_empty(), "files that are not there:\n{}", lost.join("\n"));
}

/// The rows of the cases: what went wrong, where it was seen, what holds here.
fn cases(text: &str) -> Vec<Vec<&str>> {
    let section = text.split_once("\n## Cases seen elsewhere\n").expect("the section is there").1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains("https://"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_case_seen_elsewhere_has_a_test_or_says_why_it_needs_none() {
    let text = promises();
    let cases = cases(&text);
    assert!(cases.len() > 80, "{}", cases.len());
    let mut links = BTreeSet::new();
    for case in &cases {
        let [what, link, here] = case[..] else { panic!("three columns: {case:?}") };
        assert!(!what.is_empty() && links.insert(link), "said once: {case:?}");
        let held = quoted(here).into_iter().any(names_a_test);
        let excused = here.starts_with("Cannot occur: ") || here.starts_with("Not of a session");
        assert!(held || excused, "neither held nor excused: {case:?}");
    }
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    let sources = sources(&ROOMS);
    let here = "tidy::promises::a_test_that_is_not_there_is_missed";
    assert!(names_a_test(here) && has_test(&sources, here));
    assert!(!has_test(&sources, "tidy::promises::names_a_test"), "a function is no test");
    assert!(!has_test(&sources, "tidy::sources::a_test_that_is_not_there_is_missed"));
    for other in ["store::Kind", "tests/it/kill.rs", "tool::definition", "up_to"] {
        assert!(!names_a_test(other), "{other}");
    }
}
