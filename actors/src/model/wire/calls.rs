//! The tool calls of an `OpenAI` chat, from a message and from the pieces of a stream.

use highwater_protocol::format::json::{self, Fields, quoted};

use super::{Fault, Held, Increment, Told, object, room_for_one};
use crate::model::ToolCall;

/// The calls of a message that came as a whole.
pub(super) fn whole(message: &Fields<'_>) -> Result<Vec<ToolCall>, Fault> {
    let mut calls = Vec::new();
    for raw in message.list("tool_calls").unwrap_or_default() {
        let call = object(raw)?;
        let function = call.object("function").unwrap_or_default();
        calls.push(ToolCall {
            id: call.text("id").unwrap_or_default().into_owned(),
            name: function.text("name").unwrap_or_default().into_owned(),
            arguments: arguments(&function),
        });
    }
    Ok(calls)
}

/// Arguments are a text that holds JSON; some local servers write the JSON itself.
fn arguments(function: &Fields<'_>) -> String {
    let Some(raw) = function.raw("arguments") else {
        return String::new();
    };
    json::decode(raw).map_or_else(|| raw.to_owned(), std::borrow::Cow::into_owned)
}

/// The calls of a stream.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Growing>);

#[derive(Debug)]
struct Growing {
    /// Which call the provider says that it is.
    index: Option<u64>,
    call: ToolCall,
    /// Fields that are not known here, such as signatures that some providers want back: names and raw values.
    others: Vec<(String, String)>,
}

impl Calls {
    /// Takes a piece of a call.
    pub(super) fn take(
        &mut self,
        piece: &Fields<'_>,
        held: &mut Held,
        told: Told<'_>,
    ) -> Result<(), Fault> {
        let id = piece.text("id").unwrap_or_default();
        let function = piece.object("function").unwrap_or_default();
        let at = match self.place_of(piece.number("index"), &id) {
            Some(at) => at,
            None => self.begin(piece, &id, &function, held, told)?,
        };
        let growing = &mut self.0[at];
        let text = arguments(&function);
        if !text.is_empty() {
            held.push(&text, &mut growing.call.arguments)?;
            told(Increment::Arguments { index: at, text });
        }
        Ok(())
    }

    /// Which call a piece belongs to: the one of its index, unless it has another id, since some servers number all
    /// calls alike; without an index, the one of its id, or the last one when it has none.
    fn place_of(&self, index: Option<u64>, id: &str) -> Option<usize> {
        let fits = |growing: &Growing| {
            let is_same = id.is_empty() || growing.call.id == id;
            is_same && (index.is_none() || growing.index == index)
        };
        self.0.iter().rposition(fits)
    }

    fn begin(
        &mut self,
        piece: &Fields<'_>,
        id: &str,
        function: &Fields<'_>,
        held: &mut Held,
        told: Told<'_>,
    ) -> Result<usize, Fault> {
        const KNOWN: [&str; 4] = ["index", "id", "type", "function"];
        let at = self.0.len();
        room_for_one(at)?;
        let name = function.text("name").unwrap_or_default().into_owned();
        let others = piece.iter().filter(|(name, _)| !KNOWN.contains(name));
        let others: Vec<_> = others.map(|(name, raw)| (name.to_owned(), raw.to_owned())).collect();
        held.count(id.len() + name.len())?;
        held.count(others.iter().map(|(name, raw)| name.len() + raw.len()).sum())?;
        told(Increment::ToolCall { index: at, id: id.to_owned(), name: name.clone() });
        let call = ToolCall { id: id.to_owned(), name, arguments: String::new() };
        self.0.push(Growing { index: piece.number("index"), call, others });
        Ok(at)
    }

    /// The calls as a message holds them; nothing when there are none.
    pub(super) fn to_json(&self) -> Option<String> {
        let calls: Vec<String> = self.0.iter().map(Growing::to_json).collect();
        (!calls.is_empty()).then(|| format!("[{}]", calls.join(",")))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The calls.
    pub(super) fn into_calls(self) -> Vec<ToolCall> {
        self.0.into_iter().map(|growing| growing.call).collect()
    }
}

impl Growing {
    fn to_json(&self) -> String {
        let ToolCall { id, name, arguments } = &self.call;
        let (id, name, arguments) = (quoted(id), quoted(name), quoted(arguments));
        let others = self.others.iter().map(|(name, raw)| format!(",{}:{raw}", quoted(name)));
        let others: String = others.collect();
        format!(
            "{{\"id\":{id},\"type\":\"function\",\
             \"function\":{{\"name\":{name},\"arguments\":{arguments}}}{others}}}"
        )
    }
}
