//! Ctrl-C and SIGTERM: whoever ends a run by either wants what it has come to until then, and nothing left behind.

use std::io;
use std::thread;

use anyhow::Context as _;
use tokio::runtime::Builder;
use tokio::sync::watch;

/// What somebody asks the program by to end. While it is heard, and from then on, the program does not end by itself.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Hears them from now on, on the runtime that this is called on.
    fn heard() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(mut self) -> io::Result<()> {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        Ok(())
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn heard() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(self) -> io::Result<()> {
        tokio::signal::ctrl_c().await
    }
}

/// Waits until somebody asks the program to end, and for ever where that cannot be heard.
pub(crate) async fn interrupted() {
    let heard = async { Signals::heard()?.next().await };
    if heard.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Whether somebody has asked the program to end, for work that is not all done on one runtime, nor all of it on any.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts(watch::Receiver<bool>);

impl Interrupts {
    /// Hears of it from now on, on a thread that nobody waits for.
    pub(crate) fn heard() -> anyhow::Result<Self> {
        let (asked, heard) = watch::channel(false);
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let signals = {
            let _on_it = runtime.enter();
            Signals::heard().context("Ctrl-C cannot be heard")?
        };
        let waits = move || {
            if runtime.block_on(signals.next()).is_ok() {
                asked.send_replace(true);
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(waits)?;
        Ok(Self(heard))
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
