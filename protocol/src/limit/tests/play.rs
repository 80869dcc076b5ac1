//! Calls played against the policy: each comes, waits, runs for as long as it does, and ends.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::from_fn;
use std::time::Duration;

use super::super::{Amounts, Arbiter, Class, Limits, Report, Ticket, Wish};
use crate::time::Moment;

/// One call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) at: Moment,
    pub(super) class: Class,
    pub(super) estimated: Amounts,
    pub(super) used: Amounts,
    pub(super) runs: Duration,
}

impl Job {
    pub(super) fn is_turn(&self) -> bool {
        self.class == Class::Turn
    }
}

pub(super) const fn secs(secs: u64) -> Moment {
    Moment(Duration::from_secs(secs))
}

pub(super) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// When each job was granted.
pub(super) fn play(limits: Limits, jobs: &[Job]) -> Vec<Moment> {
    let mut arbiter = Arbiter::new("acme", limits, []).expect("legal limits");
    let mut coming: BTreeSet<(Moment, usize)> =
        jobs.iter().enumerate().map(|(index, job)| (job.at, index)).collect();
    let (mut ending, mut granted) = (BTreeSet::new(), BTreeMap::new());
    let mut now = Moment::default();
    while granted.len() < jobs.len() || !ending.is_empty() {
        let next = [coming.first(), ending.first()].map(|event| event.map(|(at, _)| *at));
        let next = next.into_iter().chain([arbiter.wakes(now)]).flatten().min();
        now = next.unwrap_or_else(|| panic!("they wait for ever: {:?}", arbiter.status(now)));
        for index in due(&mut ending, now) {
            let report = Report::answered(jobs[index].used);
            assert!(arbiter.finish(now, Ticket(index as u64), &report, 0));
        }
        for index in due(&mut coming, now) {
            let wish = Wish::new(jobs[index].class, jobs[index].estimated);
            arbiter.request(now, Ticket(index as u64), wish).expect("it may wait");
        }
        for grant in from_fn(|| arbiter.grant(now)) {
            let index = usize::try_from(grant.ticket.0).expect("an index");
            granted.insert(index, now);
            ending.insert((now.after(jobs[index].runs), index));
        }
    }
    granted.into_values().collect()
}

fn due(events: &mut BTreeSet<(Moment, usize)>, now: Moment) -> Vec<usize> {
    let later = events.split_off(&(now.after(Duration::from_nanos(1)), 0));
    std::mem::replace(events, later).into_iter().map(|(_, index)| index).collect()
}
