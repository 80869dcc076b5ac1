//! The report for the terminal: aligned, each number with the few words that explain it.

use super::metrics::{Arms, Spread};
use super::report::Report;
use super::scenario::Until;
use crate::report::words::{DASH, bytes, counted, micros, millis, plain, real, thousands};

/// The whole report as lines.
pub(super) fn render(report: &Report) -> String {
    let sections = [
        head(report),
        happened(report),
        waits(report),
        provider(report),
        machine(report),
        end(report),
    ];
    sections.map(|lines| lines.join("\n")).join("\n\n")
}

/// The verdict in one sentence.
pub(super) fn verdict(report: &Report) -> String {
    let (sessions, entries) = (report.compared.sessions, report.compared.entries);
    if report.broken > 0 {
        let times = counted(report.broken, "time");
        return format!("A promise was broken {times}; {}", plain(&report.breaches[0]));
    }
    format!(
        "Nothing was lost, doubled or reordered: {} of {} are in the store as they were acknowledged.",
        counted(entries, "entry"),
        counted(sessions, "session"),
    )
}

/// What the figures are of, where that is not all that was to be played.
pub(super) fn remarks(report: &Report) -> Vec<String> {
    let lived = millis(real(report.elapsed_ms));
    let killed = report.killed.is_some();
    let mut remarks = Vec::new();
    if report.interrupted && report.began {
        let told = "all figures are of what was played until then.";
        remarks.push(format!("The run was interrupted after {lived}: {told}"));
    } else if report.interrupted && killed {
        let told = "what was acknowledged in it is compared, and all figures are zero.";
        remarks.push(format!("The run was interrupted in the half before the kill: {told}"));
    } else if report.interrupted {
        remarks.push("The run was interrupted before agents began: nobody played.".to_owned());
    }
    if killed && report.began {
        let told = "counts and times are of the half behind the kill.";
        remarks.push(format!("Half of it was played by a process that was killed: {told}"));
    }
    remarks
}

fn row(label: &str, value: &str, meaning: &str) -> String {
    format!("  {label:<26}{value:>12}   {meaning}").trim_end().to_owned()
}

fn head(report: &Report) -> Vec<String> {
    let scenario = &report.scenario;
    let until = match scenario.until {
        Until::Turns(turns) => format!("{} each", counted(turns, "turn")),
        Until::DurationSecs(seconds) => format!("for {}", millis(real(seconds) * 1e3)),
    };
    let allowed = scenario.provider;
    let mut lines = vec![
        format!(
            "{}: {}, {until}; window {} tokens, {}, {} % reserved for turns; seed {}",
            plain(&scenario.name),
            counted(scenario.agents, "agent"),
            thousands(scenario.window_tokens),
            counted(allowed.slots, "slot"),
            allowed.reserve_percent,
            report.seed,
        ),
        String::new(),
        verdict(report),
    ];
    lines.extend(remarks(report));
    lines
}

fn happened(report: &Report) -> Vec<String> {
    let counts = report.counts;
    let each_second = |count: u64| format!("{:.1} each second", report.each_second(count));
    let mut lines = vec![
        "Agents".to_owned(),
        row("sessions", &thousands(counts.sessions), "of agents, their children and forks"),
        row("turns", &thousands(counts.turns), &each_second(counts.turns)),
        row("steps", &thousands(counts.steps), &steps(report)),
        row("entries", &thousands(counts.entries), &each_second(counts.entries)),
        row("said", &bytes(counts.entry_bytes), "in all entries"),
        row("largest session", &bytes(counts.largest_session_bytes), "said in it"),
        row("contexts", &thousands(counts.contexts), "answered, each checked"),
        row("largest view", &thousands(counts.largest_view_tokens), "tokens"),
    ];
    for (label, count, meaning) in [
        ("too large", counts.too_large, "contexts that could not be made to fit"),
        ("children", counts.children, "for which their parents waited"),
        ("rewinds", counts.rewinds, "some turns back"),
        ("forks", counts.forks, "which went on beside their parents"),
        ("clears", counts.clears, "after which only the instructions were left"),
        ("idle", counts.idles, "pauses beside those between turns"),
        (
            "called again",
            counts.retries,
            "calls of turns that were refused, failed or had no permit",
        ),
    ] {
        if count > 0 {
            lines.push(row(label, &thousands(count), meaning));
        }
    }
    lines.push(row("played in", &millis(real(report.elapsed_ms)), "wall clock"));
    lines
}

/// How many steps there were, and were to be.
fn steps(report: &Report) -> String {
    let each_second = report.each_second(report.counts.steps);
    match report.scenario.steps_each_second {
        0 => format!("{each_second:.1} each second"),
        wanted => format!("{each_second:.1} of {} each second", thousands(wanted)),
    }
}

fn waits(report: &Report) -> Vec<String> {
    let latency = &report.latency;
    let mut lines = vec![
        "How long a call took, from when it was due".to_owned(),
        format!(
            "  {:<28}{:>12}{:>12}{:>12}{:>12}{:>12}",
            "", "calls", "half within", "99% within", "99.9%", "longest"
        ),
    ];
    let arms = |name: &str, arms: Arms| {
        [("during a pass", arms.during_pass), ("otherwise", arms.without_pass)]
            .map(|(arm, spread)| times(&format!("{name}, {arm}"), spread))
    };
    lines.extend(arms("append", latency.append));
    lines.extend(arms("context", latency.context));
    lines.extend(arms("next context", latency.next_context));
    lines.push(times("permit of a turn", latency.turn_permit));
    lines.push(times("permit of a pass", latency.compaction_permit));
    lines.push(times("pass", latency.pass));
    // One that quotes waited for no model, and one whose session ended meanwhile for nobody.
    lines.push(times("splice, behind a model", latency.splice));
    lines.push("From when it was made".to_owned());
    lines.extend(arms("append", latency.append_made));
    lines.extend(arms("context", latency.context_made));
    lines.extend(arms("next context", latency.next_context_made));
    let ratios = report.p99_ratio;
    for (label, ratio) in [
        ("append", ratios.append),
        ("context", ratios.context),
        ("next context", ratios.next_context),
    ] {
        let value = ratio.map_or(DASH.to_owned(), |ratio| format!("{ratio:.2}"));
        let meaning = "times as long during a pass as otherwise, 99% within";
        lines.push(row(label, &value, meaning));
    }
    lines
}

fn times(label: &str, spread: Spread) -> String {
    let time = |us: u64| spread.told(us);
    format!(
        "  {label:<28}{:>12}{:>12}{:>12}{:>12}{:>12}",
        thousands(spread.count),
        time(spread.p50_us),
        time(spread.p99_us),
        time(spread.p999_us),
        time(spread.max_us),
    )
}

fn provider(report: &Report) -> Vec<String> {
    let tally = report.provider;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut lines = vec!["Passes and provider".to_owned()];
    for (outcome, count) in &report.passes {
        lines.push(row("passes", &thousands(*count), &plain(outcome)));
    }
    let halves = if report.killed.is_some() { " by both halves" } else { "" };
    let meaning = format!("spliced{halves} with words that no model wrote, or not all of them");
    lines.push(row("quoted", &thousands(report.compared.quoted), &meaning));
    lines.push(row("calls", &thousands(tally.calls), "of turns and passes"));
    let meaning = "refused because a limit was reached that the gate knows (429)";
    lines.push(row("over a limit", &thousands(tally.refused_by_limits), meaning));
    for (label, count, meaning) in [
        ("refused by chance", tally.refused_by_chance, "with 429, within all limits"),
        ("failed by chance", tally.failed, "with an error of the server, or none at all"),
    ] {
        if count > 0 {
            lines.push(row(label, &thousands(count), meaning));
        }
    }
    lines.push(row("at once", &thousands(tally.peak_in_flight), "calls at most"));
    lines.push(row("in use", &percent(tally.utilisation), "of all slots, all along"));
    if let Some(share) = tally.utilisation_while_waiting {
        lines.push(row("in use when wanted", &percent(share), &for_whoever_waited(report)));
    }
    for (class, wait) in &report.gate.longest_wait_us {
        let granted = report.gate.granted.get(class).copied().unwrap_or(0);
        if granted > 0 {
            let permits = counted(granted, "permit");
            let meaning = format!("longest wait of {permits} in the gate's queue alone");
            lines.push(row(&format!("permit, {class}"), &micros(*wait), &meaning));
        }
    }
    lines.extend(promises(report));
    lines
}

/// What the slots in use are a share of that were for whoever waited.
pub(super) fn for_whoever_waited(report: &Report) -> String {
    let waited = millis(real(report.provider.waiting_us) / 1e3);
    format!("of the slots for them, in the {waited} in which turns or passes waited")
}

/// What is promised of waits, as this run has it.
fn promises(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(shared) = report.shared {
        if shared.unseen > 0 {
            let meaning = "calls whose end was not heard of: turns were not compared";
            lines.push(row("unseen", &thousands(shared.unseen), meaning));
        }
        let meaning = format!(
            "of {} turns granted later than at the reserved share alone; {} waited, there {}",
            thousands(shared.turns),
            thousands(shared.waited),
            thousands(shared.waited_alone),
        );
        lines.push(row("later than alone", &thousands(shared.later), &meaning));
        if let Some(us) = shared.starved_us {
            let meaning = "in which turns waited and had less than their share of the slots";
            lines.push(row("less than the share", &micros(us), meaning));
        }
    }
    if report.arms.is_none() && report.scenario.slice_ms > 0 {
        let meaning = "the arms with and without passes have too few calls at equal view size";
        lines.push(row("two arms", DASH, meaning));
    }
    if let Some(arms) = report.arms {
        for (label, pair) in [
            ("all calls", Some(arms.both)),
            ("append", arms.append),
            ("context", arms.context),
            ("next context", arms.next_context),
        ] {
            let Some(pair) = pair else { continue };
            let meaning = format!(
                "times as long with passes: {} of {} to {} of {}, 99% within, at equal view size",
                micros(pair.passes.p99_us),
                counted(pair.passes.calls, "call"),
                micros(pair.no_passes.p99_us),
                thousands(pair.no_passes.calls),
            );
            lines.push(row(
                &format!("{label}, two arms"),
                &format!("{:.2}", pair.p99_ratio),
                &meaning,
            ));
        }
    }
    if let Some(withheld) = report.withheld {
        let meaning = format!(
            "longest wait of {} for a model, {} of them beside a pass of their session",
            counted(withheld.calls, "call"),
            thousands(withheld.beside_passes),
        );
        let longest = withheld.longest_us().map_or(DASH.to_owned(), micros);
        lines.push(row("waited for a model", &longest, &meaning));
    }
    lines
}

fn machine(report: &Report) -> Vec<String> {
    let (memory, store) = (report.memory, report.store);
    let live = format!("held by up to {}", counted(memory.live_sessions_peak, "live session"));
    let mut lines = vec![
        "Machine".to_owned(),
        row("memory", &bytes(memory.process_peak_bytes), "of the process at most, agents included"),
        row("sessions", &bytes(memory.sessions_peak_bytes), &live),
        row(
            "activations",
            &thousands(memory.activations),
            "times a session came to memory, new ones too",
        ),
        row("passivations", &thousands(memory.passivations), "ended for want of use or room"),
        row("evictions", &thousands(memory.evictions), "texts given up that can be read again"),
        row("page reads", &thousands(memory.page_reads), "from the store"),
        row("store", &bytes(store.after_bytes), &format!("from {}", bytes(store.before_bytes))),
        row(
            "commits",
            &thousands(store.commits),
            &format!("{:.1} each second", report.each_second(store.commits)),
        ),
        row(
            "syncs",
            &thousands(store.syncs),
            &format!("{:.1} each second", report.each_second(store.syncs)),
        ),
    ];
    if let Some(cpu_us) = report.cpu_us {
        let each = micros(cpu_us / report.counts.steps.max(1));
        let meaning = if report.scenario.provider.over_http {
            "of processor for each step; agents and checks included, but not the provider"
        } else {
            "of processor for each step; agents, provider and checks included"
        };
        lines.push(row("processor", &each, meaning));
    }
    if let Some(house_cpu_us) = report.house_cpu_us {
        let each = micros(house_cpu_us / report.counts.steps.max(1));
        let meaning = "of it spent by the house: its threads, and calls into it";
        lines.push(row("processor, house", &each, meaning));
    }
    lines
}

fn end(report: &Report) -> Vec<String> {
    let mut lines =
        vec!["Checks".to_owned(), row("breaches", &thousands(report.broken), "broken promises")];
    if let Some(killed) = report.killed {
        let meaning = format!(
            "entries of {} were acknowledged before the process was killed; {} went on",
            counted(killed.sessions, "session"),
            thousands(killed.resumed)
        );
        lines.push(row("killed", &thousands(killed.entries), &meaning));
    }
    lines.extend(report.breaches.iter().map(|breach| format!("  ! {}", plain(breach))));
    lines
}
