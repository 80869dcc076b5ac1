//! The bundled transcript: a long, invented session in Claude Code's JSONL format, so that a first replay needs no
//! file. An agent moves the storage of "harbour", a ferry timetable service, from flat files to a database.

mod calls;
mod cast;
mod content;
pub(crate) mod dice;
mod lines;
mod phrases;
mod scenes;
mod story;
#[cfg(test)]
mod tests;

/// The transcript, one JSON object per line, with a final newline. The same bytes each time.
pub(crate) fn transcript() -> Vec<u8> {
    let mut tape = lines::Tape::new();
    story::tell(&mut tape);
    tape.into_bytes()
}
