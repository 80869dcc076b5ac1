//! Anthropic's Messages: the content of a body as it came, and the blocks of a stream put together field by field.

use highwater_protocol::accept::Finish;
use highwater_protocol::format::json::{self, Fields, quoted};
use highwater_protocol::limit::Amounts;
use serde_json::value::RawValue;

use super::{
    Answer, Assemble, Ended, Fault, Held, Increment, Step, Told, amounts, error_in, malformed,
    object, room_for_one,
};
use crate::model::ToolCall;

/// The answer in a body.
pub(super) fn whole(fields: &Fields<'_>) -> Result<Answer, Fault> {
    let Some(content) = fields.raw("content") else {
        return malformed("the answer has no content");
    };
    let Some(blocks) = json::list(content) else {
        return malformed("the answer's content is no list");
    };
    let (mut text, mut reasoning, mut tool_calls) = (String::new(), String::new(), Vec::new());
    for block in blocks {
        let block = object(block)?;
        let say = |name: &str| block.text(name).unwrap_or_default();
        match &*say("type") {
            "text" => text.push_str(&say("text")),
            "thinking" => reasoning.push_str(&say("thinking")),
            "tool_use" => tool_calls.push(ToolCall {
                id: say("id").into_owned(),
                name: say("name").into_owned(),
                arguments: block.raw("input").unwrap_or("{}").to_owned(),
            }),
            _ => {}
        }
    }
    let mut usage = Usage::default();
    usage.read(fields);
    let reason = fields.text("stop_reason");
    let ended = reason.map_or_else(|| Ok(Ended::unsaid()), |reason| Ended::by(&reason))?;
    let Ended { finish, word } = ended;
    let message = message(content);
    Ok(Answer { text, reasoning, tool_calls, finish, word, usage: usage.amounts(), message })
}

fn message(content: &str) -> String {
    format!("{{\"role\":\"assistant\",\"content\":{content}}}")
}

/// The newest counts: those of the prompt come first, those of the answer grow with it.
#[derive(Debug, Default)]
struct Usage {
    input: Option<u64>,
    written: Option<u64>,
    output: Option<u64>,
}

impl Usage {
    fn read(&mut self, fields: &Fields<'_>) {
        let Some(usage) = fields.object("usage") else {
            return;
        };
        self.input = usage.number("input_tokens").or(self.input);
        self.written = usage.number("cache_creation_input_tokens").or(self.written);
        self.output = usage.number("output_tokens").or(self.output);
    }

    /// What is limited: not what was read from the cache.
    fn amounts(&self) -> Option<Amounts> {
        let input = self.input.map(|input| input.saturating_add(self.written.unwrap_or(0)));
        amounts(input, self.output)
    }
}

/// An answer that is streamed.
#[derive(Debug, Default)]
pub(super) struct Stream {
    blocks: Vec<Block>,
    calls: usize,
    usage: Usage,
    ended: Option<Ended>,
    held: Held,
}

/// A content block: its fields as it began, and what was added to some of them.
#[derive(Debug)]
struct Block {
    index: u64,
    kind: String,
    /// Names and raw values, in their order.
    fields: Vec<(String, String)>,
    text: String,
    signature: String,
    input: String,
    citations: Vec<String>,
    /// Which of the answer's calls it is.
    call: Option<usize>,
}

impl Assemble for Stream {
    fn take(&mut self, name: &str, data: &str, told: Told<'_>) -> Result<Step, Fault> {
        let event = object(data)?;
        let kind = event.text("type").unwrap_or(name.into());
        match &*kind {
            "message_start" => {
                if let Some(message) = event.object("message") {
                    self.usage.read(&message);
                }
            }
            "content_block_start" => self.begin(&event, told)?,
            "content_block_delta" => self.add(&event, told)?,
            "message_delta" => {
                self.usage.read(&event);
                let delta = event.object("delta").unwrap_or_default();
                if let Some(reason) = delta.text("stop_reason") {
                    self.ended = Some(Ended::by(&reason)?);
                }
            }
            "message_stop" => {
                self.ended.get_or_insert_with(Ended::unsaid);
                return Ok(Step::End);
            }
            _ => {
                if let Some(error) = error_in(&event, data) {
                    return Err(error);
                }
            }
        }
        Ok(Step::More)
    }

    fn is_whole(&self) -> bool {
        self.ended.is_some()
    }

    fn finish(self: Box<Self>) -> Result<Answer, Fault> {
        let Ended { finish, word } = self.ended.unwrap_or_else(Ended::unsaid);
        let (mut text, mut reasoning, mut tool_calls) = (String::new(), String::new(), Vec::new());
        let mut content = Vec::new();
        for block in &self.blocks {
            match block.kind.as_str() {
                "text" => text.push_str(&block.text),
                "thinking" => reasoning.push_str(&block.text),
                "tool_use" => tool_calls.push(block.call()),
                _ => {}
            }
            content.push(block.to_json(finish)?);
        }
        let message = message(&format!("[{}]", content.join(",")));
        let usage = self.usage.amounts();
        Ok(Answer { text, reasoning, tool_calls, finish, word, usage, message })
    }
}

impl Stream {
    fn begin(&mut self, event: &Fields<'_>, told: Told<'_>) -> Result<(), Fault> {
        let Some(raw) = event.raw("content_block") else {
            return malformed("a block begins without its content");
        };
        room_for_one(self.blocks.len())?;
        self.held.count(raw.len())?;
        let begun = object(raw)?;
        let kind = begun.text("type").unwrap_or_default().into_owned();
        let say = |name: &str| begun.text(name).unwrap_or_default().into_owned();
        let mut call = None;
        let mut text = String::new();
        match kind.as_str() {
            "text" => {
                text = say("text");
                if !text.is_empty() {
                    told(Increment::Text(text.clone()));
                }
            }
            "thinking" => {
                text = say("thinking");
                if !text.is_empty() {
                    told(Increment::Reasoning(text.clone()));
                }
            }
            "tool_use" => {
                call = Some(self.calls);
                told(Increment::ToolCall { index: self.calls, id: say("id"), name: say("name") });
                self.calls += 1;
            }
            _ => {}
        }
        let citations = begun.list("citations").unwrap_or_default();
        self.blocks.push(Block {
            index: event.number("index").unwrap_or(self.blocks.len() as u64),
            kind,
            fields: begun.iter().map(|(name, raw)| (name.to_owned(), raw.to_owned())).collect(),
            text,
            signature: say("signature"),
            input: String::new(),
            citations: citations.into_iter().map(str::to_owned).collect(),
            call,
        });
        Ok(())
    }

    fn add(&mut self, event: &Fields<'_>, told: Told<'_>) -> Result<(), Fault> {
        let index = event.number("index");
        // The block that grows is the last one, but for servers that write several at once.
        let block = self.blocks.iter_mut().rev().find(|block| Some(block.index) == index);
        let (Some(block), Some(delta)) = (block, event.object("delta")) else {
            return malformed("more of a block that has not begun");
        };
        let say = |name: &str| delta.text(name).unwrap_or_default();
        match &*say("type") {
            "text_delta" => {
                self.held.push(&say("text"), &mut block.text)?;
                told(Increment::Text(say("text").into_owned()));
            }
            "thinking_delta" => {
                self.held.push(&say("thinking"), &mut block.text)?;
                told(Increment::Reasoning(say("thinking").into_owned()));
            }
            "signature_delta" => self.held.push(&say("signature"), &mut block.signature)?,
            "input_json_delta" => {
                self.held.push(&say("partial_json"), &mut block.input)?;
                if let Some(index) = block.call {
                    told(Increment::Arguments { index, text: say("partial_json").into_owned() });
                }
            }
            "citations_delta" => {
                let citation = delta.raw("citation").unwrap_or("null").to_owned();
                self.held.count(citation.len())?;
                block.citations.push(citation);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Block {
    fn raw(&self, name: &str) -> Option<&str> {
        self.fields.iter().rfind(|(field, _)| field == name).map(|(_, raw)| raw.as_str())
    }

    /// What the call's arguments are: those that were streamed, else those that it began with.
    fn arguments(&self) -> &str {
        if self.input.is_empty() { self.raw("input").unwrap_or("{}") } else { &self.input }
    }

    fn call(&self) -> ToolCall {
        let say = |name| self.raw(name).and_then(json::decode).unwrap_or_default().into_owned();
        ToolCall { id: say("id"), name: say("name"), arguments: self.arguments().to_owned() }
    }

    /// The block as it would stand in a body. Fields keep their order, and what nobody added to keeps its bytes.
    fn to_json(&self, finish: Finish) -> Result<String, Fault> {
        let mut fields = self.fields.clone();
        let mut set =
            |name: &str, raw: String| match fields.iter_mut().find(|(field, _)| field == name) {
                Some((_, value)) => *value = raw,
                None => fields.push((name.to_owned(), raw)),
            };
        match self.kind.as_str() {
            "text" => set("text", quoted(&self.text)),
            "thinking" => {
                set("thinking", quoted(&self.text));
                set("signature", quoted(&self.signature));
            }
            _ => {}
        }
        if !self.citations.is_empty() {
            set("citations", format!("[{}]", self.citations.join(",")));
        }
        if !self.input.is_empty() {
            let input = match serde_json::from_str::<&RawValue>(&self.input) {
                Ok(_) => self.input.clone(),
                // An answer that was cut off within a call: what there is of it stands in the call alone.
                Err(_) if finish == Finish::Length => "{}".to_owned(),
                Err(_) => return malformed("the arguments of a call are no JSON"),
            };
            set("input", input);
        }
        let fields: Vec<String> =
            fields.into_iter().map(|(name, raw)| format!("{}:{raw}", quoted(&name))).collect();
        Ok(format!("{{{}}}", fields.join(",")))
    }
}
