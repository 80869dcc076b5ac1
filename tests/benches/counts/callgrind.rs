//! Counting: a process plays one case under valgrind, which counts the instructions below one function by its name.
//! Files of callgrind are kept, so that `callgrind_annotate` can tell where the instructions of a case went.

use std::path::{Path, PathBuf};
use std::process::Command;

/// How often a case does what it counts, so that what comes only now and then has its share.
pub(crate) const TIMES: u64 = 32;

/// Everything in here is counted, and nothing else. Callgrind knows it by its name, so that a build needs nothing of
/// valgrind's; it must not be entered while it runs.
#[inline(never)]
pub(crate) fn counted_from_here(work: &mut dyn FnMut()) {
    work();
}

/// The version of valgrind; `None` when there is none.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where callgrind's files are kept.
pub(crate) fn kept() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("counts")
}

/// The instructions that a case takes each time, over a store that is its own.
pub(crate) fn count(case: &str, dir: &Path) -> u64 {
    std::fs::create_dir_all(kept()).expect("a directory");
    let written = kept().join(format!("{case}.out"));
    let mut command = Command::new("valgrind");
    // The size of the environment shifts the stack, and settings of a person change what runs.
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| {
        ["PATH", "VALGRIND_LIB"].iter().any(|kept| name.to_str() == Some(kept))
    }));
    command.args(["--tool=callgrind", "--toggle-collect=*counted_from_here*", "--vgdb=no"]);
    command.arg(format!("--callgrind-out-file={}", written.display()));
    command.arg(std::env::current_exe().expect("a program has a path"));
    command.arg("--play").arg(case).arg(dir);
    let output = command.output().expect("valgrind was there a moment ago");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case} fails under valgrind:\n{said}");
    let total = total(&std::fs::read_to_string(&written).expect("callgrind has written it"));
    let total = total.unwrap_or_else(|| panic!("{} tells no total", written.display()));
    assert!(total > 0, "nothing of {case} was counted: is the function still there by its name?");
    total / TIMES
}

fn total(file: &str) -> Option<u64> {
    file.lines().find_map(|line| line.strip_prefix("totals:"))?.trim().parse().ok()
}
