//! The house rules that a machine can check: dependencies and their direction, sizes, openings, ASCII, and absences.

mod promises;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use sources::{Source, manifest, root, sources};

const ROOMS: [&str; 5] = ["protocol", "storage", "actors", "bin", "tests"];
const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;

/// Package names in the order of the rooms.
const PACKAGES: [&str; 5] =
    ["highwater-protocol", "highwater-storage", "highwater", "highwater-cli", "highwater-tests"];

/// Requires that no file has what `breach` finds in it.
fn check(rule: &str, breach: impl Fn(&Source) -> Option<String>) {
    let sources = sources(&ROOMS);
    assert!(sources.len() > 50, "the tree is not where it was looked for: {}", sources.len());
    let found: Vec<String> = sources
        .iter()
        .filter_map(|source| breach(source).map(|what| format!("{}: {what}", source.path)))
        .collect();
    assert!(found.is_empty(), "{rule}\n{}", found.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is() {
    check("the first line says what the file is", |source| {
        (!source.text.starts_with("//! ")).then(|| "no opening".to_owned())
    });
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    check("files are split at 500 lines", |source| {
        let lines = source.text.lines().count();
        (lines > MAX_FILE_LINES).then(|| format!("{lines} lines"))
    });
}

#[test]
fn no_function_is_longer_than_seventy_lines() {
    check("functions end within 70 lines", |source| source.function_over(MAX_FUNCTION_LINES));
}

#[test]
fn the_measure_of_functions_sees_a_long_one() {
    let body = "        let x = 1;\n".repeat(MAX_FUNCTION_LINES);
    let long = |head: &str, end: &str| Source {
        path: "x.rs".to_owned(),
        text: format!("{head} {{\n{body}{end}\n"),
    };
    for (head, end) in [
        ("fn f()", "}"),
        ("pub(crate) async fn f<T>(x: T)", "}"),
        ("    pub const fn f(\n        x: u8,\n    ) -> u8", "    }"),
    ] {
        let found = long(head, end).function_over(MAX_FUNCTION_LINES);
        assert!(found.is_some(), "{head} is {MAX_FUNCTION_LINES} lines and more");
        assert!(long(head, end).function_over(2 * MAX_FUNCTION_LINES).is_none());
    }
}

#[test]
fn sources_are_ascii() {
    check("other characters are written as escapes", |source| {
        let line = source.text.lines().position(|line| !line.is_ascii())?;
        Some(format!("line {}", line + 1))
    });
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    let words =
        [["#[ig", "nore"], ["to", "do!("], ["unimpl", "emented!("], ["TO", "DO"], ["FIX", "ME"]];
    let words: Vec<String> = words.iter().map(|halves| halves.concat()).collect();
    check("no ignored test and no gap", |source| {
        words.iter().find(|word| source.text.contains(word.as_str())).cloned()
    });
}

#[test]
fn no_merge_was_left_half_done() {
    let pages = sources::pages();
    assert!(pages.len() > 20, "the pages are not where they were looked for: {}", pages.len());
    let marks = ["<", "=", ">"].map(|sign| sign.repeat(7));
    for page in pages.into_iter().chain(sources(&ROOMS)) {
        let left = page.text.lines().any(|line| marks.iter().any(|mark| line.starts_with(mark)));
        assert!(!left, "{}: both sides of a merge stand in it", page.path);
    }
}

#[test]
fn one_file_alone_names_the_codec() {
    let name = ["bin", "code"].concat();
    check("only storage/src/codec.rs names the codec", |source| {
        let uses = source.code().contains(&name);
        (uses != (source.path == "storage/src/codec.rs")).then(|| format!("uses: {uses}"))
    });
}

#[test]
fn rooms_depend_in_one_direction() {
    for (at, room) in ROOMS.iter().enumerate() {
        let known = manifest(room);
        assert!(known.contains(&format!("name = \"{}\"", PACKAGES[at])), "{room} has its name");
        let uses = sources::dependencies(&known);
        for later in &PACKAGES[at + 1..] {
            assert!(!uses.contains(*later), "{room} depends on {later}, which comes after it");
        }
    }
}

/// Every package of the lock file with what it depends on.
fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is there");
    let packages = lock.split("[[package]]").skip(1).map(|package| {
        let name = package.lines().find_map(|line| line.strip_prefix("name = "));
        let name = name.expect("a package has a name").trim_matches('"').to_owned();
        let list = package.split_once("dependencies = [").map_or("", |(_, list)| list);
        let list = list.split(']').next().unwrap_or_default();
        let uses = list.split('"').skip(1).step_by(2);
        let uses = uses.filter_map(|entry| entry.split(' ').next()).map(str::to_owned);
        (name, uses.collect::<BTreeSet<String>>())
    });
    let mut locked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, uses) in packages {
        locked.entry(name).or_default().extend(uses);
    }
    locked
}

/// All that a package pulls in.
fn pulled_in(package: &str) -> BTreeSet<String> {
    let locked = locked();
    let mut reached = BTreeSet::new();
    let mut next = vec![package.to_owned()];
    while let Some(name) = next.pop() {
        let uses = locked.get(&name).unwrap_or_else(|| panic!("{name} is not locked"));
        next.extend(uses.iter().filter(|name| reached.insert((*name).clone())).cloned());
    }
    reached
}

#[test]
fn the_core_pulls_in_no_runtime_no_actors_and_no_database() {
    let forbidden = ["tokio", "ractor", "redb", "futures", "async-trait", "tracing"];
    let direct = sources::dependencies(&manifest("protocol"));
    let reached = pulled_in("highwater-protocol");
    assert!(reached.contains("serde_json") && reached.contains("blake3"), "{reached:?}");
    for name in forbidden {
        assert!(!direct.contains(name), "the manifest names {name}");
        assert!(!reached.contains(name), "{name} is pulled in");
    }
    let of_storage = pulled_in("highwater-storage");
    assert!(of_storage.contains("redb"), "the reading of the lock file finds what is there");
    for name in ["tokio", "ractor"] {
        assert!(!of_storage.contains(name), "storage pulls in {name}");
    }
}
