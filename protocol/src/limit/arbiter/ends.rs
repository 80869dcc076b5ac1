//! How calls end, and who is turned away because of how one ended.

use super::{ACCOUNT, Arbiter, Held, of};
use crate::limit::served::Served;
use crate::limit::{Amounts, ClassKind, Ending, NotNow, Report, Ticket};
use crate::time::Moment;

impl Arbiter {
    /// A call has ended. `drawn` is a random number for the jitter of a pause. Tells whether the permit was held.
    pub fn finish(&mut self, now: Moment, ticket: Ticket, report: &Report, drawn: u64) -> bool {
        let Some(held) = self.end(now, ticket, report, drawn) else {
            return false;
        };
        self.trail.leave(Served {
            class: held.call.kind,
            amounts: held.call.amounts,
            asked: held.asked,
            granted: held.granted,
            ended: now,
            ending: report.ending,
            used: report.usage,
        });
        true
    }

    fn end(&mut self, now: Moment, ticket: Ticket, report: &Report, drawn: u64) -> Option<Held> {
        let held = self.held.remove(&ticket)?;
        if let Some(until) = held.until {
            self.leases.remove(&(until, ticket));
        }
        let used = match report.ending {
            // A refused call took nothing of the tokens.
            Ending::RateLimited { .. } | Ending::Overloaded { .. } => Some(Amounts::default()),
            _ => report.usage,
        };
        for (at, mark) in of(held.model).zip(held.marks) {
            self.meters[at].give_back(now, mark, held.call, used);
        }
        self.note_beside(now, held.call, held.model);
        let told = held.model.unwrap_or(ACCOUNT);
        self.meters[told].learn(now, held.granted, held.call.amounts, report, drawn);
        if let Ending::RateLimited { .. } | Ending::Overloaded { .. } = report.ending {
            self.turn_the_late_away(now, told);
        }
        self.count(report.ending);
        for at in of(held.model) {
            // A budget and a key are the account's; what fails or is forbidden is the model.
            let ending = match report.ending {
                Ending::Spent if at != ACCOUNT => Ending::Abandoned,
                Ending::Failed | Ending::Forbidden | Ending::Overloaded { .. }
                    if at != told || held.lumped =>
                {
                    Ending::Abandoned
                }
                ending => ending,
            };
            if self.meters[at].breaker.ended(now, ticket, held.granted, ending) {
                self.turn_away(now, at);
            }
        }
        Some(held)
    }

    /// A holder ended, or did not renew its permit: the slot is free, and what it took stays taken. Tells whether the
    /// permit was held.
    pub fn lost(&mut self, now: Moment, ticket: Ticket) -> bool {
        let held = self.finish(now, ticket, &Report::of(Ending::Abandoned), 0);
        self.tally.lost += u64::from(held);
        held
    }

    /// A permit came back that nobody took: as if it had never been granted. Tells whether it was held.
    pub fn unused(&mut self, now: Moment, ticket: Ticket) -> bool {
        let Some(held) = self.held.get(&ticket) else {
            return false;
        };
        let Held { call, model, marks, last_beside, granted, .. } = held.clone();
        let since = of(model).map(|at| self.meters[at].last_beside != granted);
        let others_came = call.kind == ClassKind::Turn || since.into_iter().any(|since| since);
        let known = self.end(now, ticket, &Report::of(Ending::Abandoned), 0).is_some();
        for (at, (mark, last)) in of(model).zip(marks.into_iter().zip(last_beside)) {
            self.meters[at].refund(now, mark, call);
            if !others_came {
                self.meters[at].last_beside = last;
            }
        }
        *self.tally.granted.of_mut(call.kind) -= 1;
        known
    }

    fn count(&mut self, ending: Ending) {
        match ending {
            Ending::RateLimited { .. } => self.tally.rate_limited += 1,
            Ending::Overloaded { .. } => self.tally.overloaded += 1,
            Ending::Failed | Ending::Spent | Ending::Forbidden => self.tally.failed += 1,
            Ending::Answered | Ending::Abandoned => {}
        }
    }

    /// The breaker of a key opened: nobody waits for it, but for those asked for by hand.
    fn turn_away(&mut self, now: Moment, at: usize) {
        let Some((why, expected)) = self.meters[at].breaker.refuses(now) else {
            return;
        };
        let concerned = self
            .queue
            .all()
            .filter(|waiter| !waiter.wish.manual && of(waiter.model).any(|place| place == at));
        let tickets: Vec<Ticket> = concerned.map(|waiter| waiter.ticket).collect();
        for ticket in tickets {
            self.queue.remove(ticket);
            self.deny(ticket, NotNow::Broken { why, expected });
        }
    }

    /// A pause only grows: nobody waits for its end who has to have called before it.
    fn turn_the_late_away(&mut self, now: Moment, at: usize) {
        let pause = &self.meters[at].pause;
        let concerned = self.queue.all().filter(|waiter| of(waiter.model).any(|place| place == at));
        let late: Vec<(Ticket, NotNow)> = concerned
            .filter_map(|waiter| Some((waiter.ticket, pause.outlasts(now, waiter.wish.deadline)?)))
            .collect();
        for (ticket, why) in late {
            self.queue.remove(ticket);
            self.deny(ticket, why);
        }
    }
}
