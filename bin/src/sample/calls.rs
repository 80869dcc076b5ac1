//! The tools that the agent uses, with the two forms in which a host stores each result.

use serde_json::{Value, json};

/// A tool call as it will be written down.
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) input: Value,
    /// The call's id, if it is not to be a fresh one.
    pub(super) id: Option<&'static str>,
    /// What the tool reports while it runs.
    pub(super) progress: Vec<Value>,
    /// Absent if the call is never answered.
    pub(super) result: Option<Outcome>,
}

/// What came back: as the model reads it, and as the host keeps it.
pub(super) struct Outcome {
    pub(super) text: String,
    pub(super) structured: Value,
    pub(super) failed: bool,
}

impl Call {
    fn new(name: &'static str, input: Value, text: String, structured: Value) -> Self {
        Self {
            name,
            input,
            id: None,
            progress: Vec::new(),
            result: Some(Outcome { text, structured, failed: false }),
        }
    }

    /// With this id, whether it was used before or not.
    pub(super) fn with_id(self, id: &'static str) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Reported as an error.
    pub(super) fn failed(mut self) -> Self {
        if let Some(result) = &mut self.result {
            result.failed = true;
        }
        self
    }

    /// Never answered.
    pub(super) fn unanswered(self) -> Self {
        Self { result: None, ..self }
    }
}

/// Reads a file; `source` is shown to the model with line numbers.
pub(super) fn read(path: &str, source: &str) -> Call {
    let numbered: Vec<String> = (1..)
        .zip(source.lines())
        .map(|(number, line)| format!("{number:>6}\u{2192}{line}"))
        .collect();
    let lines = numbered.len();
    let file = json!({
        "filePath": path, "content": source, "numLines": lines, "startLine": 1, "totalLines": lines,
    });
    Call::new(
        "Read",
        json!({"file_path": path}),
        numbered.join("\n"),
        json!({"type": "text", "file": file}),
    )
}

/// Runs a command.
pub(super) fn bash(command: &str, purpose: &str, output: String) -> Call {
    let structured =
        json!({"stdout": output, "stderr": "", "interrupted": false, "isImage": false});
    let input = json!({"command": command, "description": purpose});
    Call::new("Bash", input, output, structured)
}

/// Searches the tree.
pub(super) fn grep(pattern: &str, hits: &[String]) -> Call {
    let text = hits.join("\n");
    let structured = json!({
        "mode": "content", "numFiles": 0, "filenames": [], "content": text, "numLines": hits.len(),
    });
    let input = json!({"pattern": pattern, "output_mode": "content", "-n": true});
    Call::new("Grep", input, text, structured)
}

/// Replaces a piece of a file.
pub(super) fn edit(path: &str, old: &str, new: &str) -> Call {
    let text = format!("The file {path} has been updated.");
    let input = json!({"file_path": path, "old_string": old, "new_string": new});
    let structured = json!({
        "filePath": path, "oldString": old, "newString": new, "userModified": false,
        "replaceAll": false,
    });
    Call::new("Edit", input, text, structured)
}

/// Writes a new file.
pub(super) fn create(path: &str, content: &str) -> Call {
    let text = format!("File created successfully at: {path}");
    let input = json!({"file_path": path, "content": content});
    let structured =
        json!({"type": "create", "filePath": path, "content": content, "originalFile": null});
    Call::new("Write", input, text, structured)
}

/// Writes the list of what is left; `done` of the items are finished.
pub(super) fn todos(items: &[&str], done: usize) -> Call {
    let todos: Vec<Value> = (0..)
        .zip(items)
        .map(|(at, item)| {
            let status = match at {
                _ if at < done => "completed",
                _ if at == done => "in_progress",
                _ => "pending",
            };
            json!({"content": item, "status": status, "activeForm": item})
        })
        .collect();
    let text = "Todos have been modified successfully. Go on with the current task.".to_owned();
    let structured = json!({"oldTodos": [], "newTodos": todos});
    Call::new("TodoWrite", json!({"todos": todos}), text, structured)
}

/// Hands a question to a sub-agent, which reports each of its steps on the way.
pub(super) fn task(purpose: &str, prompt: &str, steps: &[&str], answer: &str) -> Call {
    let mut told: Vec<Value> = Vec::new();
    let mut progress = Vec::new();
    for step in steps {
        let content = json!([{"type": "text", "text": step}]);
        let message = json!({"role": "assistant", "content": content});
        told.push(json!({"type": "assistant", "message": message}));
        // Real hosts repeat all of a sub-agent's messages in each progress line.
        progress.push(json!({
            "type": "agent_progress", "agentId": "a4c19e7", "prompt": prompt,
            "message": told.last(), "normalizedMessages": told,
        }));
    }
    let structured = json!({
        "status": "completed", "prompt": prompt, "agentId": "a4c19e7",
        "content": [{"type": "text", "text": answer}], "totalToolUseCount": steps.len(),
    });
    let input =
        json!({"description": purpose, "prompt": prompt, "subagent_type": "general-purpose"});
    let call = Call::new("Task", input, answer.to_owned(), structured);
    Call { progress, ..call }
}
