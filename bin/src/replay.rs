//! `highwater replay`: plays a transcript through a session as an agent's host would, and reports what it saw.

mod checks;
mod host;
mod paced;
mod passes;
mod reader;
mod recorder;
mod watched;
mod writers;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use highwater::Highwater;
use highwater_protocol::SessionId;
use highwater_protocol::limit::Limits;
use highwater_protocol::session::SessionConfig;
use highwater_storage::{RedbOptions, RedbStore, Store, Usage};

use crate::args::{self, Color};
use crate::exit::Exit;
use crate::input::{Source, Transcript};
use crate::output::print;
use crate::progress::Progress;
use crate::report::{Marks, Mode, Report, Settings};
use crate::signals::Interrupts;
use crate::{report, verify};
use host::{Host, Played};
use watched::Watch;
use writers::Writers;

pub(crate) use checks::breach_of_pairs;

/// What only turns may use: one slot. It is enough for one agent, whose turns follow each other.
const RESERVE_PERCENT: u8 = 1;

/// Where the store is; a temporary one goes when this does.
enum Place {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

/// Runs the command.
pub(crate) async fn run(options: args::Replay) -> anyhow::Result<Exit> {
    // From now on, what comes too early for anybody to wait for it is not lost.
    Interrupts::heard()?;
    let budget = options.marks.budget()?;
    let source = Source::new(options.file.clone());
    let session = source.session(options.session.as_deref())?;
    let summaries = options.summaries.clone();
    let simulated = pace(summaries.summary_ms, options.speed);
    let quiet = options.quiet;
    let writers =
        tokio::task::spawn_blocking(move || Writers::of(&summaries, simulated, quiet)).await??;
    let opened = source.clone();
    let transcript = tokio::task::spawn_blocking(move || Transcript::open(opened)).await??;
    check_writable(options.html.as_deref())?;
    let format = options.render.map_or(transcript.render, args::Render::format);
    let config =
        SessionConfig { automatic: !options.blocking, ..SessionConfig::new(budget, format) };
    let place = match &options.store {
        Some(path) => Place::Given(path.clone()),
        None => Place::Temporary(tempfile::tempdir().context("a temporary store")?),
    };
    let mut report = Report {
        file: source.name(),
        format: transcript.format.to_owned(),
        session: session.to_string(),
        mode: if options.blocking { Mode::Blocking } else { Mode::Beside },
        settings: settings(&options),
        marks: Marks {
            trigger_tokens: budget.trigger().0,
            landing_tokens: budget.landing().0,
            hard_tokens: budget.hard().0,
        },
        raw_bytes: transcript.bytes,
        ..Report::default()
    };
    let interrupted = {
        let progress = Progress::new(transcript.bytes, budget, options.quiet || options.json);
        let played =
            play(&options, writers, place.path(), session.clone(), config, transcript, &progress);
        let played = played.await;
        progress.finish();
        let (played, models) = played?;
        (report.summarizers, report.providers) = models;
        played.fill(&mut report)
    };
    report.store_bytes = usage(&place).await?.bytes;
    let interrupted = interrupted || !compare(&mut report, &place, &session, &source).await?;
    publish(&options, &report)?;
    Ok(verdict(&report, interrupted))
}

/// The store's figures, once the house is closed.
async fn usage(place: &Place) -> anyhow::Result<Usage> {
    let path = place.path().to_owned();
    let read = move || RedbStore::open(&path, RedbOptions::default())?.usage();
    Ok(tokio::task::spawn_blocking(read).await??)
}

/// Has a second process compare the store with the file; false when Ctrl-C comes first.
async fn compare(
    report: &mut Report,
    place: &Place,
    session: &SessionId,
    source: &Source,
) -> anyhow::Result<bool> {
    let (path, session, source) = (place.path().to_owned(), session.clone(), source.clone());
    let comparing = move || verify::in_second_process(&path, &session, &source);
    let interrupts = Interrupts::heard()?;
    tokio::select! {
        biased;
        () = interrupts.come() => Ok(false),
        compared = tokio::task::spawn_blocking(comparing) => {
            report.lossless = Some(compared??);
            Ok(true)
        }
    }
}

/// What is told of summarizers and of accounts.
type Models = (Vec<report::Summarizer>, Vec<report::Provider>);

async fn play(
    options: &args::Replay,
    writers: Writers,
    place: &Path,
    session: SessionId,
    config: SessionConfig,
    transcript: Transcript,
    progress: &Progress,
) -> anyhow::Result<(Played, Models)> {
    let path = place.to_owned();
    let store = tokio::task::spawn_blocking(move || RedbStore::open(&path, RedbOptions::default()))
        .await??;
    let turns = Limits::slots(options.slots).reserve(RESERVE_PERCENT);
    let (builder, watches) = writers.install(Highwater::builder(store).limits(turns));
    let highwater = builder.start().await?;
    let gate = highwater.gate().clone();
    let watching = progress.watch(gate.clone());
    let turn = pace(options.turn_ms, options.speed);
    let handle = highwater.open(session, config).await;
    let played = match handle {
        Ok(handle) => {
            let blocking = options.blocking.then_some(config.budget);
            let host = Host::new(handle, gate.clone(), config.budget, turn, blocking);
            host.play(transcript, progress).await
        }
        Err(error) => Err(error.into()),
    };
    drop(watching);
    let providers = gate.status().await?.iter().map(report::Provider::from).collect();
    highwater.close().await?;
    let summarizers = watches.iter().map(Watch::report).collect();
    Ok((played?, (summarizers, providers)))
}

fn pace(latency_ms: u64, speed: f64) -> Duration {
    let seconds = Duration::from_millis(latency_ms).as_secs_f64() / speed;
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

fn settings(options: &args::Replay) -> Settings {
    Settings {
        turn_ms: options.turn_ms,
        summary_ms: options.summaries.providers.is_empty().then_some(options.summaries.summary_ms),
        speed: options.speed,
        slots: options.slots,
    }
}

/// A report that cannot be written is found out before a run, not after it. Leaves nothing behind.
pub(crate) fn check_writable(file: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = file else { return Ok(()) };
    let is_new = !path.exists();
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    opened.with_context(|| format!("{}: the report cannot be written", path.display()))?;
    if is_new {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

fn publish(options: &args::Replay, report: &Report) -> anyhow::Result<()> {
    if let Some(path) = &options.html {
        std::fs::write(path, report::html::page(report))
            .with_context(|| format!("{}: the report cannot be written", path.display()))?;
    }
    if options.json {
        return print(&report.to_json());
    }
    let colour = match options.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    print(report::text::render(report, colour).trim_end_matches('\n'))
}

fn verdict(report: &Report, interrupted: bool) -> Exit {
    let lossless = report.lossless.as_ref().is_some_and(|lossless| lossless.ok);
    if interrupted {
        Exit::Interrupted
    } else if lossless && report.checks.breaches.is_empty() {
        Exit::Fine
    } else {
        Exit::Failed
    }
}
