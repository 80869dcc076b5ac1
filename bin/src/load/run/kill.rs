//! `--kill`: the first half of a run happens in a process of its own, which is killed in the midst of it. What it told of
//! until then is what it has acknowledged.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, bail};
use highwater_protocol::{Error, Kind};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::super::scenario::{Scenario, Until};
use super::super::told::{Heard, Told};
use super::Run;
use crate::progress::Steps;
use crate::signals::Interrupts;

/// What was acknowledged and is not written yet: little, so that a process that is killed has told nearly everything.
pub(super) const UNTOLD: usize = 256;

/// When the process is killed.
fn half(until: Until) -> Until {
    match until {
        Until::Turns(turns) => Until::Turns(turns.div_ceil(2)),
        Until::DurationSecs(seconds) => Until::DurationSecs(seconds.div_ceil(2)),
    }
}

/// What is left to be played behind it.
pub(super) fn second_half(scenario: Scenario) -> Scenario {
    Scenario { until: half(scenario.until), ..scenario }
}

/// Starts the run in another process, kills that half way, or when this one is asked to end, and tells what was heard of it.
pub(super) async fn first_half(
    run: &Run,
    scenario: &Scenario,
    dir: &Path,
    interrupts: &Interrupts,
) -> anyhow::Result<Heard> {
    let program = std::env::current_exe().context("the program's own file")?;
    let mut command = Command::new(program);
    command.args(["load", "--tell", "--quiet", "--scenario", &run.scenario]);
    command.arg("--store").arg(dir).args(["--seed", &run.seed.to_string()]);
    command.args(["--agents", &scenario.agents.to_string()]);
    match scenario.until {
        Until::Turns(turns) => command.args(["--turns", &turns.to_string()]),
        Until::DurationSecs(seconds) => command.args(["--duration", &seconds.to_string()]),
    };
    if scenario.provider.over_http {
        command.arg("--http");
    }
    if let Some(path) = &run.behaviour {
        command.arg("--behaviour").arg(path);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    // Ctrl-C at a terminal is for this process, which ends that one.
    command.process_group(0);
    let mut child = command.spawn()?;
    let lines = BufReader::new(child.stdout.take().context("its output is a pipe")?);
    let progress = Steps::new("before the kill", run.quiet);
    let heard = listen(lines, scenario, &progress, interrupts, || child.start_kill()).await;
    progress.finish();
    // Also when what it said could not be read, nothing of it stays behind.
    drop(child.start_kill());
    let status = child.wait().await?;
    let (heard, was_killed) = heard?;
    if was_killed || interrupts.are_there() {
        return Ok(heard);
    }
    if status.code() == Some(2) {
        // It has said why.
        return Err(Error::new(Kind::Invalid, "the half before the kill cannot be played").into());
    }
    bail!("the run ended before it was killed ({status}): give it more turns, or more time");
}

/// Hears a process until it is silent, and has it killed half way.
async fn listen(
    mut lines: impl AsyncBufRead + Unpin,
    scenario: &Scenario,
    progress: &Steps,
    interrupts: &Interrupts,
    kill: impl FnOnce() -> std::io::Result<()>,
) -> anyhow::Result<(Heard, bool)> {
    let (mut heard, mut kill) = (Heard::default(), Some(kill));
    let began = Instant::now();
    let mut line = String::new();
    loop {
        line.clear();
        let read = {
            let read = lines.read_line(&mut line);
            tokio::pin!(read);
            tokio::select! {
                biased;
                () = interrupts.come(), if kill.is_some() => {
                    kill.take().map_or(Ok(()), |kill| kill())?;
                    read.await
                }
                read = &mut read => read,
            }?
        };
        // A line without its end was not told whole.
        if read == 0 || !line.ends_with('\n') {
            return Ok((heard, kill.is_none()));
        }
        if !heard.hear(line.trim_end()) {
            bail!("L1: this was acknowledged out of order, or is no acknowledgement: {line:?}");
        }
        let (done, all) = match half(scenario.until) {
            Until::Turns(turns) => (heard.turns, turns * scenario.population()),
            Until::DurationSecs(seconds) => (began.elapsed().as_secs(), seconds),
        };
        progress.show(done.min(all), all);
        if done >= all
            && let Some(kill) = kill.take()
        {
            kill()?;
        }
    }
}

/// Writes what is acknowledged to standard output, until nobody acknowledges any more. Blocks.
pub(super) fn tell(mut told: mpsc::Receiver<Told>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    while let Some(told) = told.blocking_recv() {
        writeln!(out, "{told}")?;
        out.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_is_killed_half_way_and_what_it_did_not_say_whole_is_not_heard() {
        let scenario = Scenario { agents: 2, ..Scenario::load("smoke").expect("it is shipped") };
        let turns = "turn a0s0\nturn a0s0c1\nturn a1s0\nturn a1s0f1\n".repeat(3);
        let said = format!("appended a 1 5\n{turns}appended a 2 6\nappended a 3 7");
        let mut killed = false;
        let progress = Steps::new("test", true);
        let kill = || {
            killed = true;
            Ok(())
        };
        let interrupts = Interrupts::unheard();
        let listens = listen(said.as_bytes(), &scenario, &progress, &interrupts, kill);
        let (heard, was_killed) = listens.await.expect("legal lines");
        assert!(killed && was_killed);
        assert_eq!(heard.turns, 6);
        let ledgers = heard.into_ledgers().expect("legal names");
        assert_eq!(ledgers[0].1.entries, [5, 6]);

        let listens = async |said: &str| {
            listen(said.as_bytes(), &scenario, &progress, &interrupts, || Ok(())).await
        };
        let others = "turn a0s0f1\nturn a0s0c1\n".repeat(6);
        for too_few in ["turn a0s0\n", &others] {
            let (_, was_killed) = listens(too_few).await.expect("legal lines");
            assert!(!was_killed, "it is not half way yet: {too_few}");
        }
        assert!(listens("nonsense\n").await.is_err());
    }
}
