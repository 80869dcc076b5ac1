//! Many seeds: each on a thread of its own, failures with the command that repeats them.

use std::ops::Range;
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::ground::{PLANTED, locked};
use crate::run::{self, Done};

/// Failures after which the rest of the seeds is left.
const MOST_FAILURES: u64 = 10;

/// Seeds between two lines of progress.
const PROGRESS: u64 = 500;

/// Plays all seeds, `jobs` at a time.
pub(crate) fn play(seeds: Range<u64>, steps: u64, jobs: u16) -> ExitCode {
    let (next, played, failed) =
        (AtomicU64::new(seeds.start), AtomicU64::new(0), AtomicU64::new(0));
    let output = Mutex::new(None::<Done>);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while failed.load(Ordering::Relaxed) < MOST_FAILURES {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        break;
                    }
                    let (failure, done) = failure(seed, steps);
                    let played = played.fetch_add(1, Ordering::Relaxed) + 1;
                    let mut all = locked(&output);
                    add(&mut all, done);
                    if let Some(failure) = failure {
                        failed.fetch_add(1, Ordering::Relaxed);
                        println!("{failure}");
                    }
                    if played % PROGRESS == 0 {
                        println!(
                            "{played} seeds played, {} failed",
                            failed.load(Ordering::Relaxed)
                        );
                    }
                }
            });
        }
    });
    let (played, failed) = (played.into_inner(), failed.into_inner());
    println!("{played} seeds of {steps} steps, {failed} failed");
    if let Some(done) = *locked(&output) {
        println!("{}", run::told(&done));
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is to be printed of a seed that broke a promise, or panicked where no actor was.
fn failure(seed: u64, steps: u64) -> (Option<String>, Option<Done>) {
    let played = panic::catch_unwind(|| {
        let report = run::play(seed, steps);
        (report.failure(), Some(report.done))
    });
    played.unwrap_or_else(|_| {
        let command = run::command(seed, steps);
        (Some(format!("seed {seed}: panicked\nrepeat with: {command}\n")), None)
    })
}

/// Adds what one run has done to what all have.
fn add(all: &mut Option<Done>, done: Option<Done>) {
    match (all, done) {
        (Some(all), Some(done)) => {
            for ((_, sum), (_, count)) in all.iter_mut().zip(done) {
                *sum += count;
            }
        }
        (all, Some(done)) => *all = Some(done),
        (_, None) => {}
    }
}

/// Panics that the world planned are not printed; all others are.
pub(crate) fn hide_planned_panics() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let text = info.payload_as_str().unwrap_or_default();
        if !text.starts_with(PLANTED) {
            print(info);
        }
    }));
}
