//! The provider's process, as whoever started it sees it: it is told what to allow in a line, says where it listens in
//! another, and ends with its standard input, when it says what it saw.

use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::timeout;

use super::super::scenario::Allowed;
use super::Tally;

/// How long it may take to listen, and to end when it is asked to: some milliseconds on a machine that is idle.
const WITHIN: Duration = Duration::from_secs(20);

/// What it is told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) allowed: Allowed,
    pub(super) seed: u64,
}

/// The process. It ends when this is dropped, and when the process that holds this ends, however that does.
#[derive(Debug)]
pub(super) struct Process {
    url: String,
    child: Arc<Mutex<Child>>,
    input: Mutex<Option<ChildStdin>>,
    ended: watch::Receiver<Option<Ended>>,
}

/// How it ended.
#[derive(Clone, Debug)]
struct Ended {
    how: String,
    /// The last line that it said behind its address.
    last: Option<String>,
}

impl Process {
    /// Starts it. Blocks until it listens.
    pub(super) fn start(allowed: Allowed, seed: u64) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("the program's own file")?;
        let mut command = Command::new(program);
        command.args(["load", "provide"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C at a terminal is for the run alone.
        command.process_group(0);
        let mut child = command.spawn().context("the simulated provider cannot be started")?;
        let mut input = child.stdin.take().context("its input is a pipe")?;
        let lines = BufReader::new(child.stdout.take().context("its output is a pipe")?).lines();
        let child = Arc::new(Mutex::new(child));
        let (listens, listening) = mpsc::channel();
        let (tells, ended) = watch::channel(None);
        let watched = Arc::clone(&child);
        thread::spawn(move || tells.send_replace(Some(watch(&watched, lines, &listens))));
        let order = serde_json::to_string(&Order { allowed, seed })?;
        // One that has ended by now says nothing, which is told below.
        drop(writeln!(input, "{order}"));
        let url = match listening.recv_timeout(WITHIN) {
            Ok(url) => url,
            Err(RecvTimeoutError::Timeout) => {
                drop(locked(&child).kill());
                bail!("the simulated provider did not start: it was silent for {WITHIN:?}");
            }
            Err(RecvTimeoutError::Disconnected) => {
                let how = ended.borrow().as_ref().map(|ended| ended.how.clone());
                bail!("the simulated provider did not start: {}", how.unwrap_or_default());
            }
        };
        Ok(Self { url, child, input: Mutex::new(Some(input)), ended })
    }

    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it has ended, and says how.
    pub(super) async fn died(&self) -> anyhow::Error {
        let how = self.ended().await.map_or_else(|error| error.to_string(), |ended| ended.how);
        anyhow!("the simulated provider ended before the agents did: {how}")
    }

    /// Ends it, and reads what it says at its end.
    pub(super) async fn end(&self) -> anyhow::Result<Tally> {
        drop(locked(&self.input).take());
        let Ok(ended) = timeout(WITHIN, self.ended()).await else {
            drop(locked(&self.child).kill());
            bail!("the simulated provider does not end: it was killed");
        };
        let Ended { how, last } = ended?;
        let last = last.with_context(|| {
            format!("the simulated provider ended without saying what it saw: {how}")
        })?;
        serde_json::from_str(&last).with_context(|| format!("the simulated provider said {last:?}"))
    }

    async fn ended(&self) -> anyhow::Result<Ended> {
        let mut ended = self.ended.clone();
        let ended = ended.wait_for(Option::is_some).await.context("nobody watches it")?;
        ended.clone().context("it was waited for")
    }
}

/// Hears the process until it is silent, and waits for its end.
fn watch(
    child: &Mutex<Child>,
    mut lines: Lines<BufReader<ChildStdout>>,
    listens: &mpsc::Sender<String>,
) -> Ended {
    if let Some(Ok(url)) = lines.next() {
        // Who has given up waiting for it hears of its end.
        drop(listens.send(url));
    }
    let last = lines.map_while(Result::ok).last();
    let how = match locked(child).wait() {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    Ended { how, last }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
