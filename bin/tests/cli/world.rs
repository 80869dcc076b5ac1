//! Starting the program, and files to feed it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_highwater");

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

    /// Runs `highwater` as somebody whom permission bits bind: root is not, and so becomes nobody.
    #[cfg(unix)]
    pub(crate) fn run_as_anybody(&self, words: &[&str]) -> Ran {
        use std::os::unix::fs::MetadataExt;
        if self.dir.path().metadata().expect("it is there").uid() != 0 {
            return self.run(words);
        }
        // Where the program was built, nobody may not look.
        self.set_mode(".", 0o755);
        let copy = self.copy();
        let mut command = self.started("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(copy).args(words);
        command.output().expect("setpriv is there").into()
    }

    /// `highwater` as a file of this directory, `copy-of-highwater`.
    #[cfg(unix)]
    pub(crate) fn copied(&self) -> Command {
        let copy = self.copy();
        self.started(copy.to_str().expect("a plain name"))
    }

    #[cfg(unix)]
    fn copy(&self) -> PathBuf {
        let copy = self.path("copy-of-highwater");
        // A file that this process wrote may still be open in another test's child, and then cannot be started.
        let copied = Command::new("cp").arg(PROGRAM).arg(&copy).status().expect("cp is there");
        assert!(copied.success(), "{copied}");
        copy
    }

    #[cfg(unix)]
    pub(crate) fn set_mode(&self, path: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(path), permissions).expect("it is ours");
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.started(PROGRAM);
        command.args(words);
        command
    }

    fn started(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).env_remove("RUST_LOG");
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
