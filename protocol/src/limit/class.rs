//! What a model call is for, and how long it may be put off for others (G2, G3).

use std::fmt;
use std::time::Duration;

/// How long a summarizer's call of a pass with an empty view is put off for turns; the fuller the view, the shorter.
pub const COMPACTION_PATIENCE: Duration = Duration::from_secs(30);

/// How long a call that nobody waits for is put off.
pub const BACKGROUND_PATIENCE: Duration = Duration::from_mins(2);

/// What a model call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A turn of an agent: somebody waits for it.
    Turn,
    /// A summarizer's call of a pass: nobody waits, until the view is full.
    Compaction {
        /// How full the session's view is, in percent of its hard mark; more than 100 counts as 100.
        fill: u8,
    },
    /// Anything else: nobody ever waits for it.
    Background,
}

impl Class {
    /// Its kind.
    pub fn kind(self) -> ClassKind {
        match self {
            Self::Turn => ClassKind::Turn,
            Self::Compaction { .. } => ClassKind::Compaction,
            Self::Background => ClassKind::Background,
        }
    }

    /// How long it is put off for others before it goes ahead of them. At the hard mark a pass is not put off at all.
    pub fn patience(self) -> Duration {
        match self {
            Self::Turn => Duration::ZERO,
            Self::Compaction { fill } => {
                COMPACTION_PATIENCE * (100 - u32::from(fill.min(100))) / 100
            }
            Self::Background => BACKGROUND_PATIENCE,
        }
    }
}

/// A class without what belongs to a single call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClassKind {
    /// See [`Class::Turn`].
    Turn,
    /// See [`Class::Compaction`].
    Compaction,
    /// See [`Class::Background`].
    Background,
}

impl ClassKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Turn, Self::Compaction, Self::Background];

    /// Its name as it stands in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Compaction => "compaction",
            Self::Background => "background",
        }
    }
}

impl fmt::Display for ClassKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One value for each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByClass<T>([T; ClassKind::ALL.len()]);

impl<T: Copy> ByClass<T> {
    /// The value of a class.
    pub fn of(&self, kind: ClassKind) -> T {
        self.0[kind as usize]
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, kind: ClassKind) -> &mut T {
        &mut self.0[kind as usize]
    }

    /// All of them, in the order of [`ClassKind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (ClassKind, T)> + '_ {
        ClassKind::ALL.into_iter().map(|kind| (kind, self.of(kind)))
    }
}
