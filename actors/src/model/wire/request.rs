//! A request's bytes. A body that was handed over stands in them byte for byte (P1): it is written between the
//! parameters as the text that it is, and never read and written anew.

#[cfg(test)]
mod tests;

use std::fmt::Write;

use highwater_protocol::format::json::{Fields, quoted};
use highwater_protocol::prompt::Rendered;
use serde_json::{Map, Value};

use crate::model::{Endpoint, Messages, Protocol, Request};

/// What is sent of a request that passed [`check`]: a context is long, and is looked through once. `limit` names the
/// parameter for the most that may be answered.
pub(in crate::model) fn body(endpoint: &Endpoint, limit: &str, request: &Request) -> String {
    let Endpoint { protocol, model, stream, .. } = endpoint;
    let written;
    let inside = match &request.messages {
        Messages::Prompt(prompt) => {
            written = from_prompt(*protocol, prompt);
            &written
        }
        Messages::Body(body) => within(body).unwrap_or_default(),
    };
    let mut json = String::with_capacity(inside.len() + 256);
    let most = request.max_output.0;
    write!(json, "{{\"model\":{},\"{limit}\":{most},\"stream\":{stream},", quoted(model))
        .expect("a string takes all that is written");
    if *stream && *protocol == Protocol::OpenAiChat {
        json.push_str("\"stream_options\":{\"include_usage\":true},");
    }
    let (own, others) = (&request.parameters, &endpoint.parameters);
    let others = others.iter().filter(|(name, _)| !own.contains_key(*name));
    let mut parameters: Vec<_> = own.iter().chain(others).collect();
    // What sessions hold is private: it is kept by a provider where somebody says so, and not by default.
    let kept = Value::Bool(false);
    let store = "store".to_owned();
    if *protocol == Protocol::OpenAiResponses && parameters.iter().all(|(name, _)| **name != store)
    {
        parameters.push((&store, &kept));
    }
    for (name, value) in parameters {
        write!(json, "{}:{value},", quoted(name)).expect("a string takes all that is written");
    }
    json.push_str(inside);
    json.push('}');
    json
}

/// Whether a request can be sent; if not, why.
pub(in crate::model) fn check(endpoint: &Endpoint, request: &Request) -> Result<(), String> {
    check_parameters(endpoint.protocol, &request.parameters)?;
    match &request.messages {
        Messages::Prompt(_) => Ok(()),
        Messages::Body(body) => check_body(endpoint.protocol, body),
    }
}

/// Whether parameters can be sent beside what the client writes; if not, why.
pub(in crate::model) fn check_parameters(
    protocol: Protocol,
    parameters: &Map<String, Value>,
) -> Result<(), String> {
    let own = own(protocol);
    match parameters.keys().find(|name| own.contains(&name.as_str())) {
        Some(name) => Err(format!("the parameter {name} is written by the client: leave it out")),
        None => Ok(()),
    }
}

/// The parameters that the client writes. The chat protocol has two for the limit of the answer.
fn own(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::AnthropicMessages => &["model", "max_tokens", "stream", "system", "messages"],
        Protocol::OpenAiChat => &[
            "model",
            "max_tokens",
            "max_completion_tokens",
            "stream",
            "stream_options",
            "messages",
        ],
        Protocol::OpenAiResponses => {
            &["model", "max_output_tokens", "stream", "instructions", "input"]
        }
    }
}

/// The fields of a body as their text.
fn within(body: &str) -> Option<&str> {
    body.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
}

/// Whether the fields of a body are those that its format has: one more could be a second `model`.
fn check_body(protocol: Protocol, body: &str) -> Result<(), String> {
    let allowed: &[&str] = match protocol {
        Protocol::AnthropicMessages => &["system", "messages"],
        Protocol::OpenAiChat => &["messages"],
        Protocol::OpenAiResponses => {
            let why = "a context cannot be sent by the protocol openai-responses: there is no format of a session for it \
                       yet; use openai-chat, or send a prompt";
            return Err(why.to_owned());
        }
    };
    let no_body = |what: &str| format!("the messages are no body of {}: {what}", protocol.name());
    let fields = Fields::parse(body).map_err(|error| no_body(&error.to_string()))?;
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    if let Some(name) = names.iter().find(|name| !allowed.contains(name)) {
        return Err(no_body(&format!("it has the field {name}")));
    }
    if names.windows(2).any(|two| two[0] == two[1]) || !names.contains(&"messages") {
        return Err(no_body("each field stands there once, and messages must"));
    }
    within(body).map(drop).ok_or_else(|| no_body("no object"))
}

fn from_prompt(protocol: Protocol, prompt: &Rendered) -> String {
    let message =
        |role: &str, text: &str| format!("{{\"role\":\"{role}\",\"content\":{}}}", quoted(text));
    let users: Vec<String> = prompt.messages.iter().map(|text| message("user", text)).collect();
    let (system, users) = (prompt.system, users.join(","));
    match protocol {
        Protocol::AnthropicMessages => {
            format!("\"system\":{},\"messages\":[{users}]", quoted(system))
        }
        Protocol::OpenAiChat => format!("\"messages\":[{},{users}]", message("system", system)),
        Protocol::OpenAiResponses => {
            format!("\"instructions\":{},\"input\":[{users}]", quoted(system))
        }
    }
}
