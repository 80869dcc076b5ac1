//! How a host says that a call stands whose result has not come as an entry (V8).

use crate::caps;
use crate::error::{Error, Kind};

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallEnd {
    /// It has a result, which the host hands over here instead of in an entry.
    Result,
    /// It failed.
    Failed,
    /// Nobody waits for it any more.
    Abandoned,
    /// A child works on it. Its result will come as quoted text.
    RunningChild,
    /// Somebody has to approve it first. Its result will come as quoted text.
    AwaitingApproval,
}

/// What became of a call, and what the model is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    end: CallEnd,
    detail: Box<str>,
}

impl Resolution {
    /// What became of a call, and the result, why it failed, which child, or what is to be approved. The detail may be
    /// empty. [`Kind::TooLarge`] when it is over [`caps::MAX_RESOLUTION_BYTES`].
    pub fn new(end: CallEnd, detail: &str) -> Result<Self, Error> {
        if detail.len() > caps::MAX_RESOLUTION_BYTES {
            let (found, cap) = (detail.len(), caps::MAX_RESOLUTION_BYTES);
            let message = format!("a resolution of {found} bytes, the cap is {cap}");
            return Err(Error::new(Kind::TooLarge, message));
        }
        Ok(Self { end, detail: detail.into() })
    }

    /// What became of the call.
    pub fn end(&self) -> CallEnd {
        self.end
    }

    /// What the model is told of it.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The text that stands as the call's result. The same resolution gives the same bytes for ever (P2).
    pub(crate) fn text(&self) -> String {
        let head = match self.end {
            CallEnd::Result => return self.detail.to_string(),
            CallEnd::Failed => "the call failed",
            CallEnd::Abandoned => "the call was abandoned",
            CallEnd::RunningChild => "a child is still working on this call",
            CallEnd::AwaitingApproval => "the call is waiting for approval",
        };
        let colon = if self.detail.is_empty() { "" } else { ": " };
        format!("[{head}{colon}{}]", self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These words are frozen: they stand in contexts that were answered (P1, P2).
    #[test]
    fn a_resolution_is_told_in_fixed_words() {
        for (end, bare, with_detail) in [
            (CallEnd::Result, "", "why"),
            (CallEnd::Failed, "[the call failed]", "[the call failed: why]"),
            (CallEnd::Abandoned, "[the call was abandoned]", "[the call was abandoned: why]"),
            (
                CallEnd::RunningChild,
                "[a child is still working on this call]",
                "[a child is still working on this call: why]",
            ),
            (
                CallEnd::AwaitingApproval,
                "[the call is waiting for approval]",
                "[the call is waiting for approval: why]",
            ),
        ] {
            let told = |detail| Resolution::new(end, detail).map(|it| it.text()).expect("short");
            assert_eq!((told("").as_str(), told("why").as_str()), (bare, with_detail));
        }
        let long = "x".repeat(caps::MAX_RESOLUTION_BYTES + 1);
        let refused = Resolution::new(CallEnd::Result, &long).expect_err("over the cap");
        assert_eq!(refused.kind(), Kind::TooLarge);
    }
}
