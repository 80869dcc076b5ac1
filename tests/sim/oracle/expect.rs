//! What a request for a change must be answered by the naive model.

use highwater_protocol::message::Request;
use highwater_protocol::{CallEnd, Entry, Kind, PartKind};

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
            Request::Resolve { call, resolution } => {
                let is_final = matches!(resolution.end, CallEnd::Result | CallEnd::Failed);
                let shown = fold.calls.iter().find(|known| known.at == *call);
                let known = match shown.map(|known| (&known.state, known.known)) {
                    Some((CallState::Open, _)) => return Some(Ok(true)),
                    Some((CallState::Answered, _)) => return Some(Err(Kind::Invalid)),
                    Some((CallState::Resolved(before), None)) if before == resolution => {
                        return Some(Ok(false));
                    }
                    Some((_, known)) => known,
                    None if fold.under_way.iter().any(|pending| pending.call == *call) => None,
                    None => return Some(Err(Kind::NotFound)),
                };
                match known {
                    Some(end) if end == resolution.end => Ok(false),
                    _ if is_final => Err(Kind::Invalid),
                    _ => Ok(true),
                }
            }
            _ => return None,
        };
        Some(verdict)
    }

    fn edited(&self, place: u64, entry: &Entry) -> Verdict {
        if let Some((_, known)) = self.ids.get(entry.id().as_str()) {
            let same = known.message().digest == entry.message().digest;
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
