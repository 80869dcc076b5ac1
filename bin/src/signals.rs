//! Ctrl-C and SIGTERM: whoever ends a run by either wants what it has come to until then, and nothing left behind. Whoever
//! asks a second time wants it to end.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::thread;

use anyhow::Context as _;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Signals are the process's: they are heard once for all of it.
static HEARD: OnceLock<Interrupts> = OnceLock::new();

/// Whether somebody has asked the program to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts(watch::Receiver<bool>);

impl Interrupts {
    /// Hears of it from the first call on, on a thread that nobody waits for. The program does not end by itself at the first
    /// signal then, and at once at the second.
    pub(crate) fn heard() -> anyhow::Result<Self> {
        if let Some(heard) = HEARD.get() {
            return Ok(heard.clone());
        }
        let (asked, heard) = watch::channel(false);
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let signals = {
            let _on_it = runtime.enter();
            Signals::new().context("Ctrl-C cannot be heard")?
        };
        let waits = move || runtime.block_on(signals.hear(&asked));
        thread::Builder::new().name("signals".to_owned()).spawn(waits)?;
        Ok(HEARD.get_or_init(|| Self(heard)).clone())
    }

    /// Those that nobody hears of: a test process ends as any other does.
    #[cfg(test)]
    pub(crate) fn unheard() -> Self {
        Self(watch::channel(false).1)
    }

    /// Whether it was asked by now.
    pub(crate) fn are_there(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is asked.
    pub(crate) async fn come(&self) {
        if self.0.clone().wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What the program is asked by.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn hear(mut self, asked: &watch::Sender<bool>) {
        self.next().await;
        asked.send_replace(true);
        self.next().await;
        let told =
            "highwater: ended at once by a second signal; a temporary store may be left behind";
        drop(writeln!(io::stderr(), "{told}"));
        std::process::exit(130);
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
