//! How the program ends, and the one place that turns outcomes into exit codes.

use std::io::Write;
use std::process::ExitCode;

use highwater_storage::export::ExportError;

use crate::config::ConfigError;
use crate::input::InputError;

/// How a command ended that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Fine,
    /// It ran, and what it found is not well: bytes were lost, or a context broke a promise.
    Failed,
    /// Somebody pressed Ctrl-C, or sent SIGTERM.
    Interrupted,
}

/// Says what went wrong, in one line or one for each mistake of a configuration or difference of two, and gives the exit
/// code.
pub(crate) fn code(outcome: anyhow::Result<Exit>) -> ExitCode {
    match outcome {
        Ok(Exit::Fine) => ExitCode::SUCCESS,
        Ok(Exit::Failed) => ExitCode::from(1),
        Ok(Exit::Interrupted) => ExitCode::from(130),
        Err(error) => {
            // Whoever closed the other end does not want to read it.
            drop(writeln!(std::io::stderr(), "highwater: {error:#}"));
            let unusable = error.chain().any(|cause| {
                cause.is::<InputError>()
                    || cause.is::<ConfigError>()
                    || matches!(cause.downcast_ref(), Some(ExportError::Refused { .. }))
                    || cause
                        .downcast_ref::<highwater_protocol::Error>()
                        .is_some_and(|error| error.kind() == highwater_protocol::Kind::Invalid)
            });
            ExitCode::from(if unusable { 2 } else { 1 })
        }
    }
}
