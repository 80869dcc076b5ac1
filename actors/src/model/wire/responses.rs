//! `OpenAI`'s Responses: a response comes as one object, also at the end of a stream. What stands in a message's place
//! is its `output`, the list of what the model wrote.

use highwater_protocol::format::json::{self, Fields};

use super::{
    Answer, Assemble, Ended, Fault, Held, Increment, Said, Step, Told, amounts, error_in,
    malformed, object, room_for_one,
};
use crate::model::ToolCall;

/// The answer in a body.
pub(super) fn whole(fields: &Fields<'_>) -> Result<Answer, Fault> {
    let Some(output) = fields.raw("output") else {
        return malformed("the response has no output");
    };
    read(fields, output)
}

/// The answer in a response with this output.
fn read(fields: &Fields<'_>, output: &str) -> Result<Answer, Fault> {
    let status = fields.text("status").unwrap_or("completed".into());
    let mut ended = match &*status {
        "failed" => return Err(failed(fields)),
        "incomplete" => {
            let details = fields.object("incomplete_details");
            let reason = details.as_ref().and_then(|details| details.text("reason"));
            Ended::by(&reason.unwrap_or(status))?
        }
        status => Ended::by(status)?,
    };
    let Some(items) = json::list(output) else {
        return malformed("the response's output is no list");
    };
    let (mut text, mut reasoning, mut tool_calls) = (String::new(), String::new(), Vec::new());
    for item in items {
        let item = object(item)?;
        let say = |name: &str| item.text(name).unwrap_or_default().into_owned();
        match say("type").as_str() {
            "message" => {
                for part in parts(&item, "content") {
                    if part.text("type").as_deref() == Some("refusal") {
                        ended = Ended::refused();
                    }
                    text.push_str(&part.text("text").unwrap_or_default());
                }
            }
            "reasoning" => {
                for part in parts(&item, "summary").into_iter().chain(parts(&item, "content")) {
                    reasoning.push_str(&part.text("text").unwrap_or_default());
                }
            }
            "function_call" => tool_calls.push(ToolCall {
                id: say("call_id"),
                name: say("name"),
                arguments: say("arguments"),
            }),
            _ => {}
        }
    }
    let usage = fields
        .object("usage")
        .and_then(|usage| amounts(usage.number("input_tokens"), usage.number("output_tokens")));
    let (Ended { finish, word }, message) = (ended, output.to_owned());
    Ok(Answer { text, reasoning, tool_calls, finish, word, usage, message })
}

fn parts<'a>(item: &Fields<'a>, name: &str) -> Vec<Fields<'a>> {
    let parts = item.list(name).unwrap_or_default();
    parts.into_iter().filter_map(|part| Fields::parse(part).ok()).collect()
}

fn failed(response: &Fields<'_>) -> Fault {
    let unsaid = || Fault::Said(Said::of_body("the response failed"));
    response.raw("error").map_or_else(unsaid, |raw| Fault::Said(Said::of_error(raw)))
}

/// An answer that is streamed.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The finished items, raw: some backends send them alone and leave the output of the response empty.
    items: Vec<String>,
    /// At which places of the output the calls stand.
    calls: Vec<Option<u64>>,
    answer: Option<Answer>,
    held: Held,
}

impl Assemble for Stream {
    fn take(&mut self, name: &str, data: &str, told: Told<'_>) -> Result<Step, Fault> {
        if data.trim() == "[DONE]" {
            return Ok(if self.answer.is_some() { Step::End } else { Step::More });
        }
        let event = object(data)?;
        let kind = event.text("type").unwrap_or(name.into());
        let delta = || event.text("delta").unwrap_or_default().into_owned();
        match &*kind {
            "response.output_text.delta" => told(Increment::Text(delta())),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                told(Increment::Reasoning(delta()));
            }
            "response.output_item.added" => self.begin(&event, told)?,
            "response.function_call_arguments.delta" => {
                let at = self.calls.iter().rposition(|at| *at == event.number("output_index"));
                if let Some(index) = at {
                    told(Increment::Arguments { index, text: delta() });
                }
            }
            "response.output_item.done" => {
                room_for_one(self.items.len())?;
                let item = event.raw("item").unwrap_or("null");
                self.held.count(item.len())?;
                self.items.push(item.to_owned());
            }
            "response.completed" | "response.incomplete" => {
                self.answer = Some(self.end(&event)?);
                return Ok(Step::End);
            }
            "response.failed" => {
                return Err(failed(&event.object("response").unwrap_or_default()));
            }
            "error" => {
                let flat = || Fault::Said(Said::of_fields(&event, data));
                return Err(error_in(&event, data).unwrap_or_else(flat));
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
        self.answer.is_some()
    }

    fn finish(self: Box<Self>) -> Result<Answer, Fault> {
        self.answer.map_or_else(|| malformed("the response has no end"), Ok)
    }
}

impl Stream {
    fn begin(&mut self, event: &Fields<'_>, told: Told<'_>) -> Result<(), Fault> {
        let Some(item) = event.object("item") else {
            return Ok(());
        };
        if item.text("type").as_deref() == Some("function_call") {
            room_for_one(self.calls.len())?;
            let say = |name: &str| item.text(name).unwrap_or_default().into_owned();
            told(Increment::ToolCall {
                index: self.calls.len(),
                id: say("call_id"),
                name: say("name"),
            });
            self.calls.push(event.number("output_index"));
        }
        Ok(())
    }

    fn end(&self, event: &Fields<'_>) -> Result<Answer, Fault> {
        let Some(response) = event.object("response") else {
            return malformed("the end of the response lacks it");
        };
        let output = response.raw("output").filter(|raw| json::list(raw) != Some(Vec::new()));
        match output {
            Some(output) => read(&response, output),
            None => read(&response, &format!("[{}]", self.items.join(","))),
        }
    }
}
