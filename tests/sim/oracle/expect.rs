//! What a request for a change must be answered by the naive model.

use highwater_protocol::message::Request;
use highwater_protocol::{CallEnd, CallRef, Entry, FactKind, Kind, PartKind, Resolution};

use super::Oracle;
use super::fold::{CallState, calls_of, results_of};

/// How a change must end: done, nothing to do, or refused.
pub(crate) type Verdict = Result<bool, Kind>;

impl Oracle {
    /// What the model says to a change now; `None` for what is no change.
    pub(crate) fn verdict(&self, request: &Request) -> Option<Verdict> {
        let fold = &self.fold;
        let verdict = match request {
            Request::Rewind { to } if !fold.is_live(to.0) => Err(Kind::Invalid),
            Request::Rewind { to } => Ok(fold.tip() != to.0),
            Request::Clear => Ok(fold.has_anything()),
            Request::Switch { budget, format } => Ok(self.opened != Some((*format, *budget))),
            Request::Pin { seq, pinned } => match fold.shown.get(&seq.0) {
                None => Err(Kind::Invalid),
                Some(place) => Ok(place.is_pinned != *pinned),
            },
            Request::Edit { place, entry } => self.edited(place.0, entry),
            Request::Track { task, text } => {
                let known = fold.tasks.get(&**task).map(String::as_str);
                Ok(known != text.as_deref())
            }
            Request::Resolve { call, resolution } => self.resolved(call, resolution),
            Request::ReportUsage { call, .. } => self.reports.verdict(*call),
            _ => return None,
        };
        Some(verdict)
    }

    fn resolved(&self, call: &CallRef, resolution: &Resolution) -> Verdict {
        let fold = &self.fold;
        let mut same = fold.calls.iter().filter(|known| known.at == *call);
        let under_way = fold.under_way.iter().find(|pending| pending.call == *call);
        let kind = match resolution.end() {
            CallEnd::RunningChild => Some(FactKind::RunningChild),
            CallEnd::AwaitingApproval => Some(FactKind::AwaitingApproval),
            CallEnd::Result | CallEnd::Failed | CallEnd::Abandoned => None,
        };
        let told_so = under_way.is_some_and(|pending| {
            Some(pending.kind) == kind && *pending.detail == *resolution.detail()
        });
        if told_so
            || same.clone().any(|known| known.state == CallState::Resolved(resolution.clone()))
        {
            return Ok(false);
        }
        if same.clone().any(|known| known.state == CallState::Open) {
            return Ok(true);
        }
        let is_final = matches!(resolution.end(), CallEnd::Result | CallEnd::Failed);
        match same.next() {
            Some(known) if known.state == CallState::Answered => Err(Kind::Invalid),
            Some(known) if !fold.is_frozen(known.at.seq.0) => Ok(true),
            Some(known)
                if known.known == Some(CallEnd::Abandoned) && kind.is_none() && !is_final =>
            {
                Ok(false)
            }
            None if under_way.is_none() => Err(Kind::NotFound),
            _ if is_final => Err(Kind::Invalid),
            _ => Ok(true),
        }
    }

    fn edited(&self, place: u64, entry: &Entry) -> Verdict {
        if let Some((seq, stands_at, known)) = self.ids.get(entry.id().as_str()) {
            let is_said = known.message().digest == entry.message().digest;
            let same = is_said && *stands_at == place && *seq != place;
            return if same { Ok(false) } else { Err(Kind::Conflict) };
        }
        match self.fold.shown.get(&place) {
            Some(standing) if ties(&standing.entry) == ties(entry) => Ok(true),
            _ => Err(Kind::Invalid),
        }
    }
}

/// What others hang together with an entry by.
fn ties(entry: &Entry) -> impl PartialEq {
    let message = entry.message();
    let reasons = |kind: &PartKind| matches!(kind, PartKind::Reasoning { .. });
    let reasons = message.parts.iter().any(|part| reasons(&part.kind));
    (message.role, message.message_id.clone(), calls_of(entry), results_of(entry), reasons)
}
