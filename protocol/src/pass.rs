//! A pass and the one outcome that it ends in (V11).

use std::fmt;

/// How a pass, or the wish for one, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A summary took the place of what the pass covered.
    Spliced,
    /// There was nothing that a pass could usefully cover.
    NothingToDo,
    /// Another pass was in flight (V6).
    AlreadyRunning,
    /// The pass was given up.
    Abandoned(Abandoned),
    /// A result came and was not accepted; the view is as it was.
    Refused(Refused),
    /// No result came.
    Failed(Box<str>),
}

/// Why a pass was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Abandoned {
    /// Somebody asked for it.
    Cancelled,
    /// Its deadline passed.
    Overdue,
    /// The session was closed.
    Closed,
    /// The process ended while the pass ran.
    Restarted,
    /// The session was rewound below the cut.
    Rewound,
    /// The session was cleared.
    Cleared,
    /// An edit, a pin or a resolution changed what the pass covers.
    Changed,
}

/// Why a result was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// The view at or below the cut is not what the pass saw (V3).
    Stale,
    /// The summary is empty (V12).
    Empty,
    /// The view would not become smaller in tokens and bytes (V4).
    NotSmaller,
    /// A group would be torn (V2).
    TornGroup,
    /// The summary is larger than it was allowed to be (V12).
    OverCap,
}

impl Outcome {
    /// The outcome's name without its reason.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Spliced => "spliced",
            Self::NothingToDo => "nothing to do",
            Self::AlreadyRunning => "already running",
            Self::Abandoned(_) => "abandoned",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Abandoned(why) => write!(f, ": {why}"),
            Self::Refused(why) => write!(f, ": {why}"),
            Self::Failed(why) => write!(f, ": {why}"),
            Self::Spliced | Self::NothingToDo | Self::AlreadyRunning => Ok(()),
        }
    }
}

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "cancelled",
            Self::Overdue => "its deadline passed",
            Self::Closed => "the session was closed",
            Self::Restarted => "the process ended",
            Self::Rewound => "the session was rewound below the cut",
            Self::Cleared => "the session was cleared",
            Self::Changed => "what it covers was changed",
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stale => "the view below the cut has changed",
            Self::Empty => "the summary is empty",
            Self::NotSmaller => "the summary would not make the view smaller",
            Self::TornGroup => "a group would be torn",
            Self::OverCap => "the summary is larger than its cap",
        })
    }
}
