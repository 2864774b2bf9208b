//! Starting the process, and one line for everything that keeps it from
//! serving.

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::SupervisorSettings;
use crate::child::{ChildSettings, Hello, VERSION};

/// How long the process may take to open its data.
const OPENING: Duration = Duration::from_secs(120);

/// A process that serves.
pub(super) struct Launched {
    pub(super) child: Child,
    /// Its standard input: it serves until this is dropped. Apart from the
    /// child, since waiting for that would close it.
    pub(super) lifeline: ChildStdin,
}

/// Starts the process and waits until it serves.
pub(super) async fn launch(
    settings: &SupervisorSettings,
    child_settings: &ChildSettings,
) -> Result<Launched, String> {
    let program = settings.program.display();
    let mut child = Command::new(&settings.program)
        .args(&settings.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        // A Ctrl-C at the terminal is for us; it ends when we say so.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!(
                "the engine's program {program} is not there: set `analytics.engine.program`"
            ),
            ErrorKind::PermissionDenied => {
                format!("the engine's program {program} is not executable")
            }
            _ => format!("the engine's program {program} cannot be started: {error}"),
        })?;
    let Some(mut lifeline) = child.stdin.take() else {
        return Err(format!("the engine's program {program} has no input"));
    };
    let greeting = greet(&mut child, &mut lifeline, child_settings);
    let hello = tokio::time::timeout(OPENING, greeting).await;
    match hello {
        Ok(Ok(Hello::Ready { version, .. })) if version == VERSION => {
            Ok(Launched { child, lifeline })
        }
        Ok(Ok(Hello::Ready { version, .. })) => Err(format!(
            "the engine's program {program} is of version {version}, this is {VERSION}: use both from one build"
        )),
        Ok(Ok(Hello::Failed(why))) => Err(why),
        Ok(Err(why)) => Err(match child.try_wait() {
            Ok(Some(status)) => format!(
                "the engine's program {program} ended before it served ({status}): its data in {} may be damaged",
                settings.data_directory.display()
            ),
            _ => format!("the engine's program {program} {why}"),
        }),
        Err(_) => Err(format!(
            "the engine did not open its data in {} within {} s",
            settings.data_directory.display(),
            OPENING.as_secs()
        )),
    }
}

/// Tells the process what to do and reads its first line.
async fn greet(
    child: &mut Child,
    lifeline: &mut ChildStdin,
    settings: &ChildSettings,
) -> Result<Hello, String> {
    let line = serde_json::to_string(settings).map_err(|error| error.to_string())?;
    // A process that does not read says why, or ends.
    let _ = lifeline.write_all(format!("{line}\n").as_bytes()).await;
    let _ = lifeline.flush().await;
    let Some(stdout) = child.stdout.take() else {
        return Err("has no output".to_owned());
    };
    let mut lines = BufReader::new(stdout).lines();
    let first = lines
        .next_line()
        .await
        .map_err(|error| format!("cannot be heard: {error}"))?;
    let Some(first) = first else {
        // So that its end is known to whoever asks next.
        let _ = tokio::time::timeout(Duration::from_secs(5), child.wait()).await;
        return Err("ended before it served".to_owned());
    };
    serde_json::from_str(&first)
        .map_err(|_| "does not answer as an engine does: is it `rookery`?".to_owned())
}
