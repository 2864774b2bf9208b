//! What xtask tells the person in front of it: steps, durations, one line of
//! error. Nothing else in this package prints.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Prints text as it is.
pub(crate) fn print(text: impl Display) {
    println!("{text}");
}

/// Says what is about to happen and, when it takes more than a moment, about
/// how long it takes.
pub(crate) fn step(what: impl Display, about: &str) {
    if about.is_empty() {
        println!("==> {what}");
    } else {
        println!("==> {what} (about {about})");
    }
}

/// Says a detail of the step that is running.
pub(crate) fn detail(text: impl Display) {
    println!("    {text}");
}

/// Says how long the step took, unless it was over at once.
pub(crate) fn done(since: Instant) {
    let elapsed = since.elapsed();
    if elapsed > Duration::from_secs(1) {
        println!("    done in {}", human(elapsed));
    }
}

/// The one line that explains a failure, on standard error.
pub(crate) fn fail(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// `75 s` as `1 min 15 s`.
fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds / 60 {
        0 => format!("{:.1} s", duration.as_secs_f64()),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_a_person_says_them() {
        assert_eq!(human(Duration::from_millis(2_340)), "2.3 s");
        assert_eq!(human(Duration::from_secs(75)), "1 min 15 s");
    }
}
