//! What is measured is kept, bounded, and apart by what it is of.

use super::views::VIEWS;
use super::*;

#[test]
fn times_are_kept_to_three_digits_and_apart_by_what_they_are_of() {
    let metrics = Metrics::new();
    for ms in 1..=1_000 {
        metrics.turn_permitted(Duration::from_millis(ms));
    }
    metrics.pass_ended("spliced", Duration::from_secs(2));
    metrics.pass_ended("spliced", Duration::from_hours(2));
    let latency = metrics.latency();
    let Spread { count, p50_us, p99_us, max_us, .. } = latency.turn_permit;
    assert_eq!(count, 1_000);
    assert!(p50_us.abs_diff(500_000) <= 500 && p99_us.abs_diff(990_000) <= 990);
    assert!(max_us.abs_diff(1_000_000) <= 1_000);
    assert_eq!(latency.pass.count, 2, "what is too long is counted as the longest");
    assert_eq!(latency.append, Arms::default());
    assert_eq!(metrics.passes(), [("spliced".to_owned(), 2)].into());
}

#[test]
fn what_was_measured_lately_is_forgotten_once_it_was_told() {
    let metrics = Metrics::new();
    let due = Instant::now() - Duration::from_millis(500);
    metrics.answered(Call::Append, due, due, false);
    metrics.pass_began();
    let lately = metrics.lately();
    assert!(lately.append_p99_us >= 490_000, "{lately:?}");
    assert_eq!((lately.context_p99_us, lately.passes_in_flight), (0, 1));
    metrics.pass_ended("spliced", Duration::ZERO);
    assert_eq!(metrics.lately(), Lately::default());
}

#[test]
fn the_views_of_watched_agents_are_bounded() {
    let metrics = Metrics::new();
    (0..10_000).for_each(|tokens| metrics.saw_view(1, tokens));
    metrics.saw_view(WATCHED, 1);
    let [none, views, ..] = metrics.views();
    assert!(none.is_empty() && views.len() < VIEWS && views.len() > VIEWS / 4);
    assert!(views.last().expect("many").tokens > 9_000);
}

#[test]
fn breaches_are_counted_all_and_told_some() {
    let metrics = Metrics::new();
    metrics.broken((0..30).map(|number| format!("breach {number}")));
    let (broken, told) = metrics.breaches();
    assert_eq!((broken, told.len()), (30, TOLD));
}
