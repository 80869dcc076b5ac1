//! Compaction as a tool of the agent: its definition for the model, and the handler that a host calls with what the
//! model asked for.

use highwater_protocol::message::CompactReply;
use highwater_protocol::{Error, Format, Kind, Seq, caps};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::handle::SessionHandle;

/// The tool's name.
pub const NAME: &str = "compact_context";

const DESCRIPTION: &str = "Have the older part of this conversation summarized, to make room for what comes. It happens \
in the background: go on working, the summary takes the place of the old messages when it is ready. Nothing is lost. \
Use it when a long piece of work is done and its details are not needed any more.";

/// What the model may say when it calls the tool.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    focus: Option<String>,
    up_to: Option<u64>,
}

/// What the host hands back to the model as the call's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolAnswer {
    /// The text of the result.
    pub text: String,
    /// Whether the model should take it for a failure, and may correct its call.
    pub is_error: bool,
}

/// The tool's definition as a provider of this format takes it in a request's list of tools: a name, what the tool is
/// for, and the JSON schema of its arguments.
pub fn definition(format: Format) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {
            "focus": {
                "type": "string",
                "maxLength": caps::MAX_FOCUS_BYTES,
                "description": "What the summary must keep above all.",
            },
            "up_to": {
                "type": "integer",
                "minimum": 1,
                "description": "The number of the last entry to summarize, as in \"#12\". Leave it out to have as much \
                                summarized as is useful.",
            },
        },
        "additionalProperties": false,
    });
    match format {
        Format::Anthropic => {
            json!({"name": NAME, "description": DESCRIPTION, "input_schema": schema})
        }
        Format::OpenAiChat => {
            let function = json!({"name": NAME, "description": DESCRIPTION, "parameters": schema});
            json!({"type": "function", "function": function})
        }
    }
}

impl SessionHandle {
    /// Carries out a call of the tool of [`definition`]. `arguments` is the JSON that the model gave; empty stands for
    /// no arguments. Returns as soon as the pass has durably started; the call's own entry is never covered by it, since
    /// it is open.
    ///
    /// Whatever the model did wrong is an answer to the model. An error is the host's: [`Kind::Closed`], or a failed
    /// commit.
    pub async fn call_compaction_tool(&self, arguments: &str) -> Result<ToolAnswer, Error> {
        let text = if arguments.trim().is_empty() { "{}" } else { arguments };
        let arguments: Arguments = match serde_json::from_str(text) {
            Ok(arguments) => arguments,
            Err(error) => {
                let text = format!("the arguments of {NAME} are not what its schema says: {error}");
                return Ok(ToolAnswer { text, is_error: true });
            }
        };
        let reply = self.compact(arguments.up_to.map(Seq), arguments.focus.as_deref()).await;
        let text = match reply {
            Ok(CompactReply::Started(pass)) => {
                format!(
                    "{pass} has started. Go on; its summary will take the place of the old messages."
                )
            }
            Ok(CompactReply::AlreadyRunning(pass)) => {
                format!("{pass} is running already; nothing else was started. Go on.")
            }
            Ok(CompactReply::NothingToDo) => {
                "There is nothing to summarize there that would make room. Go on.".to_owned()
            }
            Err(error) if error.kind() == Kind::TooLarge => {
                return Ok(ToolAnswer { text: error.to_string(), is_error: true });
            }
            Err(error) => return Err(error),
        };
        Ok(ToolAnswer { text, is_error: false })
    }
}
