//! What was counted when somebody looked at it and accepted it: a file of counts for each kind of machine.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Map, Value, json};

/// The counts of this kind of machine.
pub(crate) struct Expected {
    /// The compiler and the valgrind that they were counted with.
    pub(crate) tools: Option<String>,
    pub(crate) counts: BTreeMap<String, u64>,
}

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "benches", "counts", "expected.json"].iter().collect()
}

fn file() -> Map<String, Value> {
    let Ok(text) = std::fs::read_to_string(path()) else { return Map::new() };
    serde_json::from_str(&text).expect("the file of expected counts is JSON")
}

/// The compiler that the path finds, and a valgrind of this version.
pub(crate) fn tools(valgrind: &str) -> String {
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!("{}, {valgrind}", rustc.unwrap_or_else(|_| "a rustc of some version".to_owned()))
}

impl Expected {
    pub(crate) fn read() -> Self {
        let file = file();
        let of_kind = file.get(ARCH);
        let tools = of_kind.and_then(|kind| kind["tools"].as_str()).map(str::to_owned);
        let counts = of_kind.and_then(|kind| kind["counts"].as_object());
        let counts = counts.into_iter().flatten();
        let counts = counts.filter_map(|(case, count)| Some((case.clone(), count.as_u64()?)));
        Self { tools, counts: counts.collect() }
    }

    /// Leaves other kinds of machines as they are.
    pub(crate) fn write(&self) {
        let mut file = file();
        file.insert(ARCH.to_owned(), json!({ "tools": self.tools, "counts": self.counts }));
        let mut text = serde_json::to_string_pretty(&file).expect("a map of numbers");
        text.push('\n');
        std::fs::write(path(), text).expect("the file of expected counts can be written");
    }
}
