//! What an entry says, or its outline: what is known of it for ever while its texts are not in memory. An outline has no
//! texts, so nothing can show it by mistake; everything but showing goes by sketches, which both give alike.

use std::sync::Arc;

use crate::elide;
use crate::entry::{Message, Original, Part, PartKind, Role};
use crate::ids::Digest;
use crate::tokens::TokenCount;

/// What a member of a group says: whole, or in outline.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// It is in memory.
    Whole(Arc<Message>),
    /// It is in the log.
    Outline(Box<Outline>),
}

/// What stays of a message when its texts leave memory.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    role: Role,
    message_id: Option<Box<str>>,
    parts: Vec<Sketch<Box<str>>>,
    digest: Digest,
    bytes: usize,
}

/// One part, as far as an outline knows it: `S` is a text that is shown of it (`&str`), or kept (`Box<str>`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sketch<S> {
    pub(crate) kind: Kind<S>,
    pub(crate) tokens: TokenCount,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<S> {
    Text,
    Reasoning,
    Call {
        id: S,
        name: S,
    },
    /// How long the text of the result is, and what a placeholder tells of it.
    Result {
        call: S,
        bytes: usize,
        preview: S,
    },
    Media,
    Opaque,
}

impl Said {
    pub(crate) fn whole(&self) -> Option<&Arc<Message>> {
        match self {
            Self::Whole(message) => Some(message),
            Self::Outline(_) => None,
        }
    }

    fn outline(&self) -> Option<&Outline> {
        match self {
            Self::Whole(_) => None,
            Self::Outline(outline) => Some(outline),
        }
    }

    pub(crate) fn role(&self) -> Role {
        match self {
            Self::Whole(message) => message.role,
            Self::Outline(outline) => outline.role,
        }
    }

    pub(crate) fn message_id(&self) -> Option<&str> {
        match self {
            Self::Whole(message) => message.message_id.as_deref(),
            Self::Outline(outline) => outline.message_id.as_deref(),
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Whole(message) => message.digest,
            Self::Outline(outline) => outline.digest,
        }
    }

    pub(crate) fn tokens(&self) -> TokenCount {
        match self {
            Self::Whole(message) => message.tokens(),
            Self::Outline(outline) => outline.parts.iter().map(|part| part.tokens).sum(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Whole(message) => message.bytes(),
            Self::Outline(outline) => outline.bytes,
        }
    }

    /// The parts, in order.
    pub(crate) fn sketches(&self) -> impl Iterator<Item = Sketch<&str>> {
        let whole = self.whole().into_iter().flat_map(|message| &message.parts).map(Sketch::of);
        let outline = self.outline().into_iter().flat_map(|outline| &outline.parts);
        whole.chain(outline.map(|part| part.with(|text| &**text)))
    }

    /// The ids and names of the tools that it calls.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sketches().filter_map(|part| match part.kind {
            Kind::Call { id, name } => Some((id, name)),
            _ => None,
        })
    }

    /// The ids of the calls that it answers.
    pub(crate) fn results(&self) -> impl Iterator<Item = &str> {
        self.sketches().filter_map(|part| match part.kind {
            Kind::Result { call, .. } => Some(call),
            _ => None,
        })
    }

    /// Whether a message hangs together with the same others as this, and may stand in its place: the same speaker,
    /// message id, calls and results, and reasoning where this reasons.
    pub(crate) fn has_ties_of(&self, other: &Message) -> bool {
        let is_reasoning = |part: &Part| matches!(part.kind, PartKind::Reasoning { .. });
        self.role() == other.role
            && self.message_id() == other.message_id.as_deref()
            && self.calls().eq(other.calls())
            && self.results().eq(other.results())
            && self.sketches().any(|part| part.kind == Kind::Reasoning)
                == other.parts.iter().any(is_reasoning)
    }

    /// What stays when the texts leave memory.
    pub(crate) fn outlined(message: &Message) -> Self {
        Self::Outline(Box::new(Outline {
            role: message.role,
            message_id: message.message_id.clone(),
            parts: message
                .parts
                .iter()
                .map(|part| Sketch::of(part).with(|text| (*text).into()))
                .collect(),
            digest: message.digest,
            bytes: message.bytes(),
        }))
    }

    /// The bytes of memory that it takes beside its own place.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Whole(message) => message_weight(message),
            Self::Outline(outline) => {
                let parts = outline.parts.iter().map(Sketch::weight);
                let id = outline.message_id.as_ref().map_or(0, |id| id.len());
                size_of::<Outline>() + id + parts.sum::<usize>()
            }
        }
    }
}

impl<'a> Sketch<&'a str> {
    pub(crate) fn of(part: &'a Part) -> Self {
        let kind: Kind<&str> = match &part.kind {
            PartKind::Text { .. } => Kind::Text,
            PartKind::Reasoning { .. } => Kind::Reasoning,
            PartKind::ToolCall { id, name, .. } => Kind::Call { id, name },
            PartKind::ToolResult { call, text, .. } => {
                Kind::Result { call, bytes: text.len(), preview: elide::preview(text) }
            }
            PartKind::Media { .. } => Kind::Media,
            PartKind::Opaque { .. } => Kind::Opaque,
        };
        Self { kind, tokens: part.tokens }
    }
}

impl<S> Sketch<S> {
    pub(crate) fn is_result(&self) -> bool {
        matches!(self.kind, Kind::Result { .. })
    }

    fn with<'a, T>(&'a self, text: impl Fn(&'a S) -> T) -> Sketch<T> {
        let kind = match &self.kind {
            Kind::Text => Kind::Text,
            Kind::Reasoning => Kind::Reasoning,
            Kind::Call { id, name } => Kind::Call { id: text(id), name: text(name) },
            Kind::Result { call, bytes, preview } => {
                Kind::Result { call: text(call), bytes: *bytes, preview: text(preview) }
            }
            Kind::Media => Kind::Media,
            Kind::Opaque => Kind::Opaque,
        };
        Sketch { kind, tokens: self.tokens }
    }
}

impl Sketch<Box<str>> {
    fn weight(&self) -> usize {
        let texts = match &self.kind {
            Kind::Call { id, name } => id.len() + name.len(),
            Kind::Result { call, preview, .. } => call.len() + preview.len(),
            Kind::Text | Kind::Reasoning | Kind::Media | Kind::Opaque => 0,
        };
        size_of::<Self>() + texts
    }
}

/// The bytes of memory that a message takes.
pub(crate) fn message_weight(message: &Message) -> usize {
    let id = message.message_id.as_ref().map_or(0, |id| id.len());
    let parts = message.parts.iter().map(part_weight);
    size_of::<Message>() + id + message.label.len() + parts.sum::<usize>()
}

fn part_weight(part: &Part) -> usize {
    let texts = match &part.kind {
        PartKind::Text { text } | PartKind::Reasoning { text } => text.len(),
        PartKind::ToolCall { id, name, arguments } => id.len() + name.len() + arguments.len(),
        PartKind::ToolResult { call, text, .. } => call.len() + text.len(),
        PartKind::Media { label } | PartKind::Opaque { label } => label.len(),
    };
    let original = part.original.as_ref().map_or(0, |Original { json, .. }| json.len());
    size_of::<Part>() + texts + original
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, Format};
    use crate::ids::EntryId;

    fn message(blocks: &str) -> Arc<Message> {
        let id = EntryId::parse("e").expect("a legal id");
        let json = format!(r#"{{"role":"assistant","id":"m","content":[{blocks}]}}"#);
        Arc::clone(Entry::from_json(id, Format::Anthropic, &json).expect("legal").message())
    }

    #[test]
    fn an_outline_knows_everything_of_a_message_but_its_texts() {
        let long = "long \u{e9} ".repeat(100);
        let blocks = format!(
            r#"{{"type":"text","text":"{long}"}},{{"type":"thinking","thinking":"{long}","signature":"s"}},
            {{"type":"tool_use","id":"c","name":"ls","input":{{"path":"{long}"}}}},
            {{"type":"tool_result","tool_use_id":"b","content":"{long}"}},{{"type":"image","source":"{long}"}},
            {{"type":"novel","data":"{long}"}}"#
        );
        let message = message(&blocks);
        let (whole, outline) = (Said::Whole(Arc::clone(&message)), Said::outlined(&message));
        let known = |said: &Said| {
            let (role, id) = (said.role(), said.message_id().map(str::to_owned));
            let calls: Vec<_> = said.calls().map(|(id, name)| format!("{id} {name}")).collect();
            let results: Vec<_> = said.results().map(str::to_owned).collect();
            (role, id, said.digest(), said.tokens(), said.bytes(), calls, results)
        };
        assert_eq!(known(&whole), known(&outline));
        let placeholders = |said: &Said| -> Vec<String> {
            let place = crate::position::Seq(4);
            said.sketches().map(|part| elide::result_placeholder(place, "ls", &part)).collect()
        };
        assert_eq!(placeholders(&whole), placeholders(&outline));
        assert!(whole.has_ties_of(&message) && outline.has_ties_of(&message));
        assert!(outline.weight() * 4 < whole.weight(), "{} {}", outline.weight(), whole.weight());
        assert!(outline.whole().is_none());
    }

    #[test]
    fn an_outline_is_never_heavier_than_what_it_outlines() {
        for blocks in [
            r#"{"type":"text","text":""}"#,
            r#"{"type":"tool_use","id":"c","name":"ls","input":{}}"#,
            r#"{"type":"tool_result","tool_use_id":"b","content":"x"}"#,
        ] {
            let message = message(blocks);
            let outline = Said::outlined(&message);
            assert!(outline.weight() <= Said::Whole(message).weight(), "{blocks}");
        }
    }
}
