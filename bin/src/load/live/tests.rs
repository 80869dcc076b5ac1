//! Lines hold what fits in them, and the bar says how far a run is and no more.

use super::super::behaviour::Behaviour;
use super::*;
use crate::signals::Interrupts;

fn sample() -> Sample {
    Sample {
        process_bytes: 1_324_000_000,
        sessions_bytes: 430_000_000,
        live_sessions: 10_240,
        turn_slots: 153,
        compaction_slots: 147,
        turns_waiting: 1_234,
        compactions_waiting: 147,
        passes_in_flight: 1_147,
        append_p99_us: 12_340,
        context_p99_us: 123_400,
        ..Sample::default()
    }
}

fn live(until: Until, agents: u64) -> (Live, Ground) {
    let smoke = Scenario::load("smoke").expect("it is shipped");
    let scenario = Scenario { agents, until, ..smoke };
    let behaviour = Behaviour::shipped().expect("it is legal");
    let live = Live::new(&scenario, true);
    (live, Ground::new(scenario, behaviour, 1, Interrupts::unheard()).expect("a provider"))
}

#[test]
fn what_does_not_fit_is_left_out_from_the_right_at_its_beginning() {
    let parts = ["one agent", "2 \u{b5}s", "three"].map(str::to_owned);
    for (columns, expected) in [
        (100, "one agent, 2 \u{b5}s, three"),
        (22, "one agent, 2 \u{b5}s, three"),
        (21, "one agent, 2 \u{b5}s"),
        (15, "one agent, 2 \u{b5}s"),
        (14, "one agent"),
        (9, "one agent"),
        (8, ""),
        (0, ""),
    ] {
        assert_eq!(fitted(&parts, columns), expected, "{columns}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal_and_sixty_columns_show_what_matters_most() {
    let (live, ground) = live(Until::DurationSecs(900), 10_000);
    ground.metrics.broken((0..1_234).map(|breach| breach.to_string()));
    for columns in [60, 80, 100, 200] {
        live.draw(&ground, &sample(), columns);
        let message = live.bar.message();
        for (at, line) in message.lines().enumerate() {
            let before = if at == 0 { BAR_WIDE } else { 0 };
            assert!(before + line.chars().count() <= columns, "{columns}: {line}");
        }
        for part in ["15 min 0 s left", "10,000 agents", "1,147 passes in flight", "0 spliced"] {
            assert!(message.contains(part), "{columns}: {message}");
        }
        assert!(message.contains("1,234 BREACHES"), "{columns}: {message}");
        let waits = message.contains("1,234 turns and 147 passes wait");
        assert_eq!(waits, columns > 80, "{columns}: {message}");
        assert_eq!(message.contains("live sessions"), columns > 80, "{columns}: {message}");
    }
}

#[test]
fn sixty_columns_show_how_many_sessions_are_written_of_as_many_as_there_may_be() {
    let line = fitted(&written(1_000_000, 1_000_000), 60 - BAR_WIDE);
    assert_eq!(line, "1,000,000 of 1,000,000 sessions");
}

#[test]
fn time_runs_from_when_agents_begin_and_in_milliseconds() {
    let (live, ground) = live(Until::DurationSecs(3), 12);
    live.prepared(15_000, 20_000);
    assert_eq!((live.bar.position(), live.bar.length()), (750, Some(1_000)));
    assert_eq!(live.bar.message(), "15,000 of 20,000 sessions, written first");
    live.begin();
    for (at_ms, position, left) in [
        (0, 0, "3 s left"),
        (450, 150, "3 s left"),
        (1_500, 500, "2 s left"),
        (2_999, 990, "1 s left"),
        (3_200, 990, "ending"),
    ] {
        live.draw(&ground, &Sample { at_ms, ..sample() }, 80);
        assert_eq!(live.bar.position(), position, "{at_ms}");
        assert!(live.bar.message().starts_with(left), "{at_ms}: {}", live.bar.message());
    }
}

#[test]
fn turns_of_forks_lengthen_the_way_and_the_bar_never_runs_backwards() {
    let (live, ground) = live(Until::Turns(4), 12);
    let shown = |turns: u64, forks: u64| {
        (0..turns).for_each(|_| ground.metrics.turn_ended());
        ground.metrics.count(|counts| {
            counts.forks += forks;
            // Those of children among them.
            counts.turns += 2 * turns;
        });
        live.draw(&ground, &Sample { at_ms: 4_000, ..sample() }, 80);
        live.bar.position()
    };
    assert_eq!(shown(0, 0), 0);
    assert!(live.bar.message().starts_with("12 agents"), "nobody knows yet how long it takes");
    assert_eq!(shown(24, 0), 500);
    assert!(live.bar.message().starts_with("4 s left"), "{}", live.bar.message());
    assert_eq!(shown(0, 4), 500, "24 of 60 turns, and half was shown");
    assert_eq!(shown(24, 0), 800, "agents have played, and forks have not");
    assert_eq!(shown(12, 0), NEARLY, "passes land yet");
    assert!(live.bar.message().starts_with("ending"));
}

#[test]
fn slots_are_drawn_by_class_and_never_wider_than_their_picture() {
    for (turns, passes, expected) in [(0, 0, (0, 0)), (6, 6, (10, 10)), (1, 12, (2, 18))] {
        let sample = Sample { turn_slots: turns, compaction_slots: passes, ..Sample::default() };
        let [line, ..] = slots(12, &sample);
        let drawn = |sign| line.chars().filter(|found| *found == sign).count();
        assert_eq!((drawn('\u{2588}'), drawn('\u{2592}')), expected, "{line}");
        assert_eq!(line.split(' ').next().map(|picture| picture.chars().count()), Some(20));
    }
}

#[test]
fn who_waits_is_said_by_name() {
    let sample = Sample { turns_waiting: 3, compactions_waiting: 1, ..Sample::default() };
    let line = fitted(&passes(&sample, 14, 1), 100);
    assert_eq!(line, "1 BREACH, 0 passes in flight, 14 spliced, 3 turns and 1 pass wait");
}
