//! What turns and passes are promised, call by call (G2, G3).

use std::time::Duration;

use super::super::{Amounts, Class, Limits, Quantity, Rate, STARVED_AFTER};
use super::play::{Job, millis, play, secs};
use crate::time::Moment;

/// A seeded source of numbers (xorshift64*).
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % (most + 1)
    }
}

fn job(dice: &mut Dice, at: Moment, class: Class, input: u64, output: u64, most: u64) -> Job {
    let estimated = Amounts::new(dice.up_to(input), dice.up_to(output));
    // Turns take no more than they were estimated at: what they take over it is theirs to make up for. One pass in four does.
    let over =
        if class != Class::Turn && dice.up_to(3) == 0 { estimated.input_tokens / 2 } else { 0 };
    let used = Amounts::new(
        estimated.input_tokens + dice.up_to(over) - dice.up_to(estimated.input_tokens / 10),
        dice.up_to(estimated.output_tokens),
    );
    Job { at, class, estimated, used, runs: millis(200 + dice.up_to(most)) }
}

/// Turns in waves, and passes that always wait.
fn turns_and_passes(seed: u64, turns: usize, passes: usize) -> Vec<Job> {
    let mut dice = Dice(seed * 7919 + 1);
    let mut jobs = Vec::new();
    let mut at = secs(5);
    for _ in 0..turns {
        let pause = if dice.up_to(9) == 0 { 30_000 } else { 1_500 };
        at = at.after(millis(dice.up_to(pause)));
        // Some are larger than small reserves.
        let input = if dice.up_to(9) == 0 { 60_000 } else { 8_000 };
        jobs.push(job(&mut dice, at, Class::Turn, input, 1_000, 6_000));
    }
    for _ in 0..passes {
        let fill = u8::try_from(dice.up_to(100)).expect("a percentage");
        let class = match dice.up_to(3) {
            0 => Class::Background,
            _ => Class::Compaction { fill },
        };
        jobs.push(job(&mut dice, secs(0), class, 30_000, 2_000, 20_000));
    }
    jobs
}

fn limits(slots: u32) -> Limits {
    Limits::slots(slots)
        .with(Quantity::Requests, Rate::per_minute(120))
        .with(Quantity::InputTokens, Rate::per_minute(400_000))
        .with(Quantity::OutputTokens, Rate::per_minute(60_000))
}

fn only_turns(jobs: &[Job]) -> Vec<Job> {
    jobs.iter().copied().filter(Job::is_turn).collect()
}

#[test]
fn with_a_reserve_no_turn_waits_longer_than_at_a_provider_of_the_reserve_alone() {
    let mut large = 0;
    for (seed, reserve) in (1..=60).zip([10, 25, 50, 75, 90].into_iter().cycle()) {
        let limits = limits(4 + u32::try_from(seed % 8).expect("small")).reserve(reserve);
        let jobs = turns_and_passes(seed, 150, 200);
        let turns = only_turns(&jobs);
        let share = limits.reserved_share().expect("something is reserved");
        let fits = |job: &&Job| {
            Quantity::ALL.iter().all(|each| {
                share.rate(*each).is_none_or(|rate| job.estimated.of(*each) <= rate.at_once())
            })
        };
        let within: Vec<Job> = turns.iter().filter(fits).copied().collect();
        large += turns.len() - within.len();
        let alone = play(share, &within);
        let beside = play(limits, &jobs);
        let beside = turns.iter().zip(beside).filter(|(job, _)| fits(job)).map(|(_, at)| at);
        for (number, (beside, alone)) in beside.zip(alone).enumerate() {
            assert!(
                beside <= alone,
                "seed {seed}, {reserve} % reserved, turn {number} at {:?}: {beside:?} beside passes, {alone:?} alone",
                within[number].at
            );
        }
    }
    assert!(large > 50, "{large} turns were larger than their reserve");
}

#[test]
fn without_a_reserve_a_turn_waits_for_one_call_more_at_most() {
    for seed in 1..=60 {
        let limits = limits(1 + u32::try_from(seed % 6).expect("small"));
        let jobs = turns_and_passes(seed, 60, 300);
        // Turns that leave room between them: no wait of one is the wait of the next for long.
        let jobs: Vec<Job> = spread(&jobs);
        let alone = play(limits, &only_turns(&jobs));
        let longest =
            jobs.iter().filter(|job| !job.is_turn()).map(|job| length(&limits, job)).max();
        let longest = longest.expect("there are passes");
        let beside = play(limits, &jobs);
        for (number, (beside, alone)) in beside.into_iter().zip(alone).enumerate() {
            assert!(
                beside <= alone.after(longest),
                "seed {seed}, turn {number}: {beside:?} beside passes, {alone:?} alone, {longest:?}"
            );
        }
    }
}

/// The length of a call: how long it runs, or how long the rates need to make up for it.
fn length(limits: &Limits, job: &Job) -> Duration {
    let made_up = Quantity::ALL.into_iter().filter_map(|quantity| {
        let rate = limits.rate(quantity)?;
        let minutes = Duration::from_mins(job.estimated.of(quantity));
        Some(minutes / u32::try_from(rate.each_minute()).expect("small"))
    });
    made_up.max().unwrap_or_default().max(job.runs)
}

fn spread(jobs: &[Job]) -> Vec<Job> {
    let apart = jobs.iter().enumerate().map(|(number, job)| {
        let at = if job.is_turn() {
            job.at.after(millis(8_000) * u32::try_from(number).expect("few"))
        } else {
            job.at
        };
        Job { at, ..*job }
    });
    apart.collect()
}

/// Turns that always wait: a new one comes as soon as another could end.
fn saturating_turns(dice: &mut Dice, from: Moment, seconds: u64, each_second: u64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for second in 0..seconds {
        for _ in 0..each_second {
            let at = from.after(Duration::from_secs(second)).after(millis(dice.up_to(999)));
            jobs.push(job(dice, at, Class::Turn, 8_000, 1_000, 4_000));
        }
    }
    jobs.sort_by_key(|job| job.at);
    jobs
}

#[test]
fn a_pass_beside_turns_that_never_stop_is_granted_within_the_stated_bound() {
    for (seed, reserve) in (1..=30).zip([0, 25, 50].into_iter().cycle()) {
        let mut dice = Dice(seed);
        let limits = Limits { reserve_percent: reserve, ..limits(4) };
        let mut jobs = saturating_turns(&mut dice, secs(1), 600, 3);
        let passes = 4;
        for number in 0..passes {
            let fill = u8::try_from(dice.up_to(100)).expect("a percentage");
            let class = Class::Compaction { fill };
            jobs.push(job(&mut dice, secs(60 + number), class, 30_000, 2_000, 10_000));
        }
        let granted = play(limits, &jobs);
        let bound = jobs.iter().map(|job| length(&limits, job)).max().expect("there are calls");
        for (place, (job, at)) in
            jobs.iter().zip(granted).filter(|(job, _)| !job.is_turn()).enumerate()
        {
            // Each of those before it, and itself: the patience, a call that ends, and the rates made up for.
            let each = if reserve == 0 { STARVED_AFTER + 2 * bound } else { 4 * bound };
            let most = job.class.patience() + each * u32::try_from(passes).expect("few");
            let waited = at.since(job.at);
            assert!(
                waited <= most,
                "seed {seed}, {reserve} %, pass {place}: {waited:?} of {most:?}"
            );
        }
    }
}
