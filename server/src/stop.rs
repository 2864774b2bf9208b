//! When to stop: SIGTERM from a supervisor, or Ctrl-C at the terminal.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Tells every listener of the process that the end has come.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Starts listening for the signals.
    ///
    /// # Errors
    /// The system does not let the process handle them.
    pub(crate) fn on_signal() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            first_of(terminate, interrupt).await;
            tracing::info!("stopping: requests under way are finished");
            sender.send_replace(true);
            // Kept until the process ends: a dropped sender would look like a stop.
            std::future::pending::<()>().await;
        });
        Ok(Self(receiver))
    }

    /// Completes when the process should end.
    pub(crate) async fn wait(mut self) {
        // The sender lives as long as the process, so there is no error to see.
        self.0.wait_for(|stopped| *stopped).await.ok();
    }
}

async fn first_of(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
