//! A store and a second process: who is locked out, who may not write, and whose file may not grow. Each is told so in one
//! line, nothing is changed by who is refused, and nothing that was acknowledged is lost.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use highwater_protocol::Record;
use highwater_storage::{RedbOptions, RedbStore, StoreError};
use highwater_tests::stored::{self, Writer};
use highwater_tests::{generate, world};

const CHILD: &str = env!("CARGO_BIN_EXE_kill_child");
/// What `ulimit -f` counts in: at most 1,024 bytes. The file of a new store takes 1.6 MB.
const LIMIT_BLOCKS: usize = 12_000;

/// What a child said, line by line, when it had ended well.
fn said(command: &mut Command) -> Vec<String> {
    let ran = command.stdin(Stdio::null()).output().expect("the child runs");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}: {errors}", ran.status);
    String::from_utf8(ran.stdout).expect("text").lines().map(str::to_owned).collect()
}

fn fill(dir: &Path) -> Vec<String> {
    said(Command::new(CHILD).arg("fill").arg(dir))
}

/// What a child says whose files may not grow beyond a limit.
fn limited(what: &str, dir: &Path) -> Vec<String> {
    let script = format!("trap '' XFSZ; ulimit -f {LIMIT_BLOCKS}; exec \"$0\" \"$1\" \"$2\"");
    said(Command::new("sh").args(["-c", &script, CHILD, what]).arg(dir))
}

/// A directory with a closed store of three entries.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let store = world::redb(dir.path());
    let mut writer = Writer::open(&store, "s").expect("it opens");
    for number in 1..=3 {
        let record = stored::appended(number, generate::numbered(number));
        writer.append(&store, vec![record]).expect("it is stored");
    }
    dir
}

#[test]
fn a_second_process_is_told_which_lock_keeps_it_out() {
    let dir = filled();
    let before = stored::files(dir.path());
    let lock = dir.path().join("highwater.lock").display().to_string();
    let mut holder = Command::new(CHILD)
        .arg("hold")
        .arg(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut line = String::new();
    let mut says = BufReader::new(holder.stdout.take().expect("it is piped"));
    says.read_line(&mut line).expect("it says that it is open");
    assert_eq!(line, "open\n");

    let refused = RedbStore::open(dir.path(), RedbOptions::default()).expect_err("it is in use");
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    let told = refused.to_string();
    assert!(told.contains(&lock) && told.contains("open in another process"), "{told}");
    assert_eq!(fill(dir.path()), [format!("refused {told}")]);

    drop(holder.stdin.take());
    assert!(holder.wait().expect("it ends").success());
    assert!(stored::files(dir.path()).keys().eq(before.keys()), "nothing was put beside it");
    let store = world::redb(dir.path());
    assert_eq!(stored::log(&store, "s").len(), 3);
}

#[test]
fn a_file_that_may_not_grow_is_told_so_and_keeps_what_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut lines = limited("fill", dir.path());
    let refused = lines.pop().expect("it says why it ended");
    for part in ["refused ", "highwater.redb", "the file may not grow any more: raise the limit"] {
        assert!(refused.contains(part), "{refused}");
    }
    let told = lines.len() as u64;
    assert!(told > 50, "{told}");
    assert!(
        lines.iter().eq((1..=told).map(|number| number.to_string()).collect::<Vec<_>>().iter())
    );

    let store = world::redb(dir.path());
    let log = stored::log(&store, "s");
    let is_unknown = refused.contains("may or may not be stored");
    assert!(log.len() as u64 == told || (is_unknown && log.len() as u64 == told + 1), "{refused}");
    for (number, record) in (1..).zip(&log) {
        assert!(*record == stored::appended(number, generate::long(number)), "entry {number}");
    }
    let mut writer = Writer::open(&store, "s").expect("it opens");
    for number in writer.head() + 1..writer.head() + 400 {
        let record = stored::appended(number, generate::long(number));
        writer.append(&store, vec![record]).expect("there is room now");
    }
}

#[test]
fn a_house_whose_file_may_not_grow_says_so_to_its_caller() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut lines = limited("house", dir.path());
    let [refused, again, reads] = lines.split_off(lines.len() - 3).try_into().expect("three");
    for part in ["highwater.redb", "the file may not grow any more: raise the limit"] {
        assert!(refused.contains(part), "{refused}");
        assert!(again.contains(part), "{again}");
    }
    let is_unknown = refused.starts_with("refused Unknown");
    // What was to be written down behind the appends may be the first that failed.
    let is_behind = refused.starts_with("refused Storage") && refused.contains("are refused until");
    assert!(is_unknown || is_behind || refused.starts_with("refused Retry"), "{refused}");
    assert!(again.contains("writers are refused until the store is reopened"), "{again}");
    assert!(reads == "reads entry 1" || reads.contains("open the store again"), "{reads}");

    let told = lines.len() as u64;
    let store = world::redb(dir.path());
    let entries = stored::log(&store, "s").into_iter().filter_map(|record| match record {
        Record::Appended { seq, entry, .. } => Some((seq.0, entry)),
        _ => None,
    });
    let entries: Vec<_> = entries.collect();
    let there = entries.len() as u64;
    assert!(told > 50 && (there == told || is_unknown && there == told + 1), "{told}, {there}");
    for (number, (seq, entry)) in (1..).zip(entries) {
        assert!((seq, entry.source()) == (number, generate::long(number).source()));
    }
}

/// Runs the child as somebody whom permission bits bind: root is not, and so becomes nobody.
fn fill_as_anybody(dir: &Path) -> Vec<String> {
    let place = tempfile::tempdir().expect("a directory");
    if place.path().metadata().expect("it is there").uid() != 0 {
        return fill(dir);
    }
    // Where the tests were built, nobody may not look.
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("it is ours");
    let copy: PathBuf = place.path().join("child");
    fs::copy(CHILD, &copy).expect("there is room for a copy");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    said(command.arg(copy).arg("fill").arg(dir))
}

/// A process that may not write there is refused with these words, and nothing is changed.
fn is_not_permitted(dir: &Path, words: &[&str]) {
    let before = stored::files(dir);
    let lines = fill_as_anybody(dir);
    let [refused] = &lines[..] else { panic!("{lines:?}") };
    for part in [&["refused ", "permission is missing"], words].concat() {
        assert!(refused.contains(part), "{part:?} is not in: {refused}");
    }
    assert!(stored::files(dir) == before, "nothing was changed");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn a_directory_that_may_not_be_written_is_named_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    set_mode(dir.path(), 0o555);
    is_not_permitted(dir.path(), &["highwater.lock"]);
    is_not_permitted(dir.path(), &[&dir.path().display().to_string()]);
    set_mode(dir.path(), 0o755);
}

#[test]
fn a_store_that_may_not_be_written_is_named_and_left_alone() {
    let dir = filled();
    let file = dir.path().join("highwater.redb");
    set_mode(&file, 0o444);
    set_mode(&dir.path().join("highwater.lock"), 0o666);
    set_mode(dir.path(), 0o755);
    is_not_permitted(dir.path(), &["highwater.redb"]);
    set_mode(&file, 0o644);
    let store = world::redb(dir.path());
    assert_eq!(stored::log(&store, "s").len(), 3);
}
