//! What a process says about a session once it was acknowledged: a line each, which its parent reads after its death.

use std::hash::{DefaultHasher, Hash, Hasher};

use highwater_protocol::Context;

use crate::oracle::{RenderedBlock, blocks_of};

/// Something that was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The session.
    pub session: String,
    /// What.
    pub deed: Deed,
}

/// What a session did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// An entry was appended under this number and id.
    Appended(u64, String),
    /// A context was answered.
    Answered {
        /// Its number.
        call: u64,
        /// The resets announced by then.
        resets: u64,
        /// How many blocks it has.
        blocks: usize,
        /// The hash of all of them.
        hash: u64,
    },
    /// A pass ended with a splice.
    Spliced(u64),
    /// Everything behind this number was taken off.
    Rewound(u64),
}

impl Ack {
    /// The line, without its end.
    pub fn line(&self) -> String {
        let session = &self.session;
        match &self.deed {
            Deed::Appended(seq, id) => format!("{session} appended {seq} {id}"),
            Deed::Answered { call, resets, blocks, hash } => {
                format!("{session} answered {call} {resets} {blocks} {hash}")
            }
            Deed::Spliced(pass) => format!("{session} spliced {pass}"),
            Deed::Rewound(to) => format!("{session} rewound {to}"),
        }
    }

    /// Reads a whole line.
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let deed = match words[1..] {
            ["appended", seq, id] => Deed::Appended(seq.parse().ok()?, id.to_owned()),
            ["answered", call, resets, blocks, hash] => Deed::Answered {
                call: call.parse().ok()?,
                resets: resets.parse().ok()?,
                blocks: blocks.parse().ok()?,
                hash: hash.parse().ok()?,
            },
            ["spliced", pass] => Deed::Spliced(pass.parse().ok()?),
            ["rewound", to] => Deed::Rewound(to.parse().ok()?),
            _ => return None,
        };
        Some(Self { session: words[0].to_owned(), deed })
    }
}

impl Deed {
    /// A context as it is said.
    pub fn answered(context: &Context) -> Self {
        let blocks = blocks_of(context);
        let (call, resets) = (context.call.0, context.resets);
        Self::Answered { call, resets, blocks: blocks.len(), hash: hash_of(&blocks) }
    }
}

/// The hash of blocks, the same in every process of one build.
pub fn hash_of(blocks: &[RenderedBlock]) -> u64 {
    let mut hasher = DefaultHasher::new();
    blocks.hash(&mut hasher);
    hasher.finish()
}
