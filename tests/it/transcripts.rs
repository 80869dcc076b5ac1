//! Real transcripts, where they are at hand: each is played as a host would, with extractive summaries, every context
//! held against the oracle and the rules, and the history must give the file back.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater::history::{Item, Order};
use highwater::summarize::Extractive;
use highwater_protocol::message::{ContextReply, OpenCalls};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Budget, Entry, Format, Role, Seq, SeqRange, TokenCount};
use highwater_tests::host::Host;
use highwater_tests::transcript::{self, folder, read};

/// Folders of formats that can be read.
const FOLDERS: [&str; 3] = ["claude-code", "openai-chat", "derived"];

/// Files that are other formats, or hold more than one conversation.
const REFUSED: [&str; 2] = ["openhands-events-output.jsonl", "tau2-sonnet45-airline.json"];

/// Files in which the user's last words alone are larger than the hard mark at some turns, and at how many.
const TOO_LARGE: [(&str, u64); 1] = [("multiswe-jackson-4304-666KB-obs.traj", 1)];

fn files() -> Vec<PathBuf> {
    let folders = FOLDERS.map(|name| folder().join(name));
    let mut files = transcript::files(&folder());
    files.retain(|file| folders.iter().any(|folder| file.starts_with(folder)));
    files
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a plain name")
}

/// Says something that the test runner does not hide.
fn tell(text: &str) {
    writeln!(std::io::stderr(), "real transcripts: {text}").expect("standard error is open");
}

#[derive(Default)]
struct Played {
    contexts: u64,
    too_large: u64,
    resets: u64,
}

/// Plays a transcript; a turn of the model begins where it speaks and does not go on with the message before.
async fn play(format: Format, entries: Vec<Entry>) -> (Host, Played) {
    let (trigger, landing, hard) = (TokenCount(24_000), TokenCount(12_000), TokenCount(48_000));
    let budget = Budget::new(trigger, landing, hard).expect("rising marks");
    let config = SessionConfig::new(budget, format);
    let (_house, mut host) = Host::alone(Extractive, config).await;
    let mut played = Played::default();
    let mut last_message: Option<Box<str>> = None;
    for entry in entries {
        let message = Arc::clone(entry.message());
        if message.role == Role::Assistant {
            let goes_on = message.message_id.is_some() && message.message_id == last_message;
            if !goes_on {
                match host.ask(OpenCalls::StandIn).await {
                    ContextReply::Ready(context) => played.resets = context.resets,
                    ContextReply::TooLarge(_) => played.too_large += 1,
                    ContextReply::CallsOpen(_) => panic!("stand-ins were asked for"),
                }
            }
            last_message.clone_from(&message.message_id);
        }
        host.give(vec![Arc::new(entry)]).await;
    }
    host.ask(OpenCalls::StandIn).await;
    played.contexts = host.contexts();
    (host, played)
}

/// The whole history, put together.
async fn history(host: &Host) -> Vec<u8> {
    let mut bytes = Vec::new();
    let range = SeqRange::new(Seq::FIRST, Seq(u64::MAX));
    let mut stream = host.session.history().stream(range, Order::OldestFirst, 1 << 20);
    while let Some(item) = stream.next().await.expect("it is readable") {
        match item {
            Item::Entry(_, entry) => bytes.extend_from_slice(entry.source()),
            Item::Gap(gap) => panic!("{gap:?}"),
        }
    }
    bytes
}

#[tokio::test(start_paused = true)]
async fn each_real_transcript_plays_through_and_comes_back_whole() {
    if !folder().is_dir() {
        tell("there is no folder of transcripts here: 0 files played, 1 test skipped");
        return;
    }
    let (mut played_files, mut resets) = (0, 0);
    for path in files() {
        let bytes = std::fs::read(&path).expect("readable");
        let name = name(&path);
        match read(&bytes) {
            Err(why) => assert!(REFUSED.contains(&name), "{name} is refused: {why}"),
            Ok((format, entries)) => {
                assert!(!REFUSED.contains(&name), "{name} should be refused");
                let count = entries.len();
                let whole: u64 = entries.iter().map(|entry| entry.message().tokens().0).sum();
                let (host, played) = play(format, entries).await;
                let status = host.session.status().await.expect("it answers");
                let larger = whole > 2 * status.budget.trigger().0;
                assert!(!larger || status.covered.is_some(), "{name}: no pass was spliced");
                assert!(history(&host).await == bytes, "{name} does not come back whole");
                let Played { contexts, too_large, resets: times } = played;
                println!("{name}: {count} entries, {contexts} contexts, {times} resets");
                let known = TOO_LARGE.iter().find(|(known, _)| *known == name);
                let known = known.map_or(0, |(_, times)| *times);
                assert_eq!(too_large, known, "{name}: contexts that cannot fit");
                (played_files, resets) = (played_files + 1, resets + times);
            }
        }
    }
    tell(&format!("{played_files} files played, {resets} resets"));
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(played_files > 0 || !in_ci, "the folder is there and holds nothing to play");
    assert!(played_files == 0 || resets > 0, "no transcript was long enough to be compacted");
}
