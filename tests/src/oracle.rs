//! The byte oracle: keeps the blocks of every answered context and requires P1 of the next, byte for byte. It normalises
//! nothing, and it takes blocks from anywhere: from a context, or from a request body that was sent.

use std::fmt;

use highwater_protocol::{Context, Format};
use serde_json::Value;
use serde_json::value::RawValue;

/// A rendered block: its role and its exact bytes.
pub type RenderedBlock = (String, String);

/// Remembers the blocks of the context before.
#[derive(Debug, Default)]
pub struct Oracle {
    last: Option<(u64, Vec<RenderedBlock>)>,
    contexts: u64,
}

/// Where a context breaks P1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which context, counted from 1.
    pub context: u64,
    /// Which block, counted from 0.
    pub block: usize,
    /// The block as it was.
    pub before: RenderedBlock,
    /// The block as it is; `None` when the context ends before it.
    pub after: Option<RenderedBlock>,
    /// The first byte of the block that differs; `None` when only the role does.
    pub byte: Option<usize>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { context, block, before, after, byte } = self;
        write!(f, "P1: context {context} changed block {block} ")?;
        match byte {
            Some(byte) => write!(f, "at byte {byte}: ")?,
            None => f.write_str("in its role: ")?,
        }
        write!(f, "it was {before:?}, it is {after:?}")
    }
}

impl std::error::Error for Difference {}

impl Oracle {
    /// Takes the next context. While `resets` is what it was, the blocks must begin with all blocks of the one before.
    pub fn saw(
        &mut self,
        resets: u64,
        blocks: impl Iterator<Item = RenderedBlock>,
    ) -> Result<(), Box<Difference>> {
        self.contexts += 1;
        let blocks: Vec<RenderedBlock> = blocks.collect();
        let before = self.last.take().filter(|(known, _)| *known == resets);
        let before = before.map(|(_, blocks)| blocks).unwrap_or_default();
        let found = before.iter().enumerate().find(|(at, block)| blocks.get(*at) != Some(*block));
        let found = found.map(|(at, block)| self.difference(at, block, blocks.get(at)));
        self.last = Some((resets, blocks));
        found.map_or(Ok(()), |difference| Err(Box::new(difference)))
    }

    /// How many contexts were seen.
    pub fn contexts(&self) -> u64 {
        self.contexts
    }

    fn difference(
        &self,
        block: usize,
        before: &RenderedBlock,
        after: Option<&RenderedBlock>,
    ) -> Difference {
        let now = after.map_or("", |(_, bytes)| bytes);
        let same = before.1.bytes().zip(now.bytes()).take_while(|(one, other)| one == other);
        let same = same.count();
        let differs = after.is_none() || same < before.1.len().max(now.len());
        Difference {
            context: self.contexts,
            block,
            before: before.clone(),
            after: after.cloned(),
            byte: differs.then_some(same),
        }
    }
}

/// The blocks of a context.
pub fn blocks_of(context: &Context) -> Vec<RenderedBlock> {
    context.blocks().map(|block| (format!("{:?}", block.role), block.json.to_string())).collect()
}

/// The blocks of a request body, in order: the provider's own roles, and the bytes as they stand in the body.
pub fn blocks_of_body(format: Format, body: &str) -> Vec<RenderedBlock> {
    let raw = |text: &str, field: &str| -> Vec<String> {
        let mut fields: std::collections::BTreeMap<String, &RawValue> =
            serde_json::from_str(text).expect("a body is an object");
        let Some(list) = fields.remove(field) else {
            return Vec::new();
        };
        let items: Vec<&RawValue> = serde_json::from_str(list.get()).expect("a list");
        items.into_iter().map(|item| item.get().to_owned()).collect()
    };
    let role = |message: &str| -> String {
        let message: Value = serde_json::from_str(message).expect("a message is an object");
        message["role"].as_str().expect("a message has a role").to_owned()
    };
    let mut blocks: Vec<RenderedBlock> =
        raw(body, "system").into_iter().map(|block| ("system".to_owned(), block)).collect();
    for message in raw(body, "messages") {
        let role = role(&message);
        match format {
            Format::OpenAiChat => blocks.push((role, message)),
            Format::Anthropic => {
                let content = raw(&message, "content").into_iter();
                blocks.extend(content.map(|block| (role.clone(), block)));
            }
        }
    }
    blocks
}
