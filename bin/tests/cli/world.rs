//! Starting the program, and files to feed it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of its own for each test.
pub(crate) struct World {
    dir: tempfile::TempDir,
}

/// What a finished run left behind.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a small file");
        path
    }

    /// Runs `highwater` with these words.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.command(words).output().expect("the program starts").into()
    }

    /// Replays a file at full speed.
    pub(crate) fn replay(&self, file: &Path, more: &[&str]) -> Ran {
        let mut words = vec!["replay", file.to_str().expect("a plain name"), "--quiet"];
        words.extend(["--turn-ms", "0", "--summary-ms", "0"]);
        words.extend(more);
        self.run(&words)
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        command.args(words).current_dir(self.dir.path()).env_remove("RUST_LOG");
        command
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Ran {
    /// Exited with `code`, and said one line that holds all of `words`.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        assert_eq!(self.err.lines().count(), 1, "one clear line: {}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is missing: {}", self.err);
        }
    }

    /// Exited well, and printed all of `words`.
    #[track_caller]
    pub(crate) fn fine(&self, words: &[&str]) {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        for word in words {
            assert!(self.out.contains(word), "{word:?} is missing: {}", self.out);
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect("the report is JSON")
    }
}

/// A conversation of `turns` turns in Claude Code's format, about `words` words each.
pub(crate) fn conversation(turns: usize, words: usize) -> String {
    let mut lines = String::new();
    for turn in 0..turns {
        let said = format!("turn {turn} {}", "the tide turns ".repeat(words / 3));
        for (role, id) in [("user", ""), ("assistant", "\"id\":\"m\",")] {
            let id = id.replace("\"m\"", &format!("\"m{turn}\""));
            let line = format!(
                r#"{{"type":"{role}","uuid":"{role}-{turn}","sessionId":"s","message":{{{id}"role":"{role}","content":"{said}"}}}}"#
            );
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    lines
}
