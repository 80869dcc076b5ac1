//! The tree as text: its Rust files and manifests, and a simple measure of functions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A Rust file.
pub(super) struct Source {
    /// Its path from the root of the tree.
    pub(super) path: String,
    pub(super) text: String,
}

/// The root of the tree.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a room stands in the tree").to_owned()
}

/// All Rust files of some rooms; what stands in hidden folders is not the tree's.
pub(super) fn sources(rooms: &[&str]) -> Vec<Source> {
    files(rooms, "rs")
}

/// All pages of prose below the rooms and in the docs.
pub(super) fn pages() -> Vec<Source> {
    files(&["docs", "bin", "tests"], "md")
}

fn files(folders: &[&str], kind: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(&folder).expect("a folder of the tree") {
            let path = file.expect("readable").path();
            let hidden =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() {
                folders.extend((!hidden).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == kind) {
                let text = std::fs::read_to_string(&path).expect("it is UTF-8");
                let path = path.strip_prefix(root()).expect("it stands in the tree");
                found.push(Source { path: path.to_string_lossy().replace('\\', "/"), text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The manifest of a room.
pub(super) fn manifest(room: &str) -> String {
    std::fs::read_to_string(root().join(room).join("Cargo.toml")).expect("a room has a manifest")
}

/// What a manifest depends on for its library and programs; tests may use more.
pub(super) fn dependencies(manifest: &str) -> BTreeSet<String> {
    let section = manifest.split_once("\n[dependencies]").map_or("", |(_, section)| section);
    let lines = section.lines().skip(1).take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

impl Source {
    /// The file without its comments.
    pub(super) fn code(&self) -> String {
        let lines = self.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The names of its tests.
    pub(super) fn tests(&self) -> impl Iterator<Item = &str> {
        let mut marked = false;
        self.text.lines().filter_map(move |line| {
            let line = line.trim();
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                marked = true;
                return None;
            }
            let named = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
            std::mem::take(&mut marked).then(|| named.split('(').next().unwrap_or_default())
        })
    }

    /// A function of more lines than that, counted from its `fn` to the brace that closes it at the same indentation.
    pub(super) fn function_over(&self, lines: usize) -> Option<String> {
        let all: Vec<&str> = self.text.lines().collect();
        for (at, line) in all.iter().enumerate() {
            let indent = indentation(line);
            if !begins_function(line.trim_start()) {
                continue;
            }
            let closing = format!("{}}}", " ".repeat(indent));
            let declared = |line: &str| indentation(line) == indent && line.ends_with(';');
            let end = all[at..].iter().position(|line| *line == closing || declared(line));
            let length = end.map_or(0, |end| end + 1);
            if length > lines {
                return Some(format!("line {}: a function of {length} lines", at + 1));
            }
        }
        None
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn begins_function(line: &str) -> bool {
    let words = ["pub", "async", "const", "extern", "unsafe"];
    let mut rest = line;
    loop {
        if rest.starts_with("fn ") {
            return true;
        }
        let Some((word, behind)) = rest.split_once(' ') else {
            return false;
        };
        let plain = word.split('(').next().unwrap_or_default();
        if !words.contains(&plain) {
            return false;
        }
        rest = behind;
    }
}
