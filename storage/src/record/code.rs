//! The persisted ordinals of the vocabulary's enums. Frozen: a number is never changed and never reused.

use highwater_protocol::{Abandoned, Dialect, Format, Refused};

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
    1 = Cancelled, 2 = Overdue, 3 = Closed, 4 = Restarted);
frozen!(Refused, "reason of a refused pass":
    1 = Stale, 2 = Empty, 3 = NotSmaller, 4 = TornGroup);
