//! The persisted ordinals of the vocabulary's enums. Frozen: a number is never changed and never reused.

use highwater_protocol::{Abandoned, CallEnd, Dialect, FactKind, Format, Refused};

use crate::codec::DecodeError;

/// A type of the vocabulary that is stored as one byte.
pub(super) trait Coded: Sized {
    /// The byte that stands for the value.
    fn code(self) -> u8;
    /// The value that a byte stands for.
    fn from_code(code: u8) -> Result<Self, DecodeError>;
}

macro_rules! frozen {
    ($type:ident, $what:literal: $($code:literal = $variant:ident),+) => {
        impl Coded for $type {
            fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code),+
                }
            }
            fn from_code(code: u8) -> Result<Self, DecodeError> {
                match code {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(DecodeError::Code { what: $what, code }),
                }
            }
        }
    };
}

frozen!(Dialect, "dialect": 1 = Opaque, 2 = Anthropic, 3 = OpenAiChat, 4 = ClaudeCode);
frozen!(Format, "format": 1 = Anthropic, 2 = OpenAiChat);
frozen!(Abandoned, "reason of an abandoned pass":
    1 = Cancelled, 2 = Overdue, 3 = Closed, 4 = Restarted, 5 = Rewound, 6 = Cleared, 7 = Changed);
frozen!(Refused, "reason of a refused pass":
    1 = Stale, 2 = Empty, 3 = NotSmaller, 4 = TornGroup, 5 = OverCap);
frozen!(CallEnd, "end of a call":
    1 = Result, 2 = Failed, 3 = Abandoned, 4 = RunningChild, 5 = AwaitingApproval);
frozen!(FactKind, "kind of a fact":
    1 = NoResult, 2 = RunningChild, 3 = AwaitingApproval, 4 = Task, 5 = LeftOut);
