//! What libFuzzer says while it runs, one line at a time, and what of it is
//! worth telling: `#1234 NEW cov: 567 ft: 890 corp: 12/3456b exec/s: 789 …`.

/// How far a target has come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    first: Option<State>,
    last: State,
}

/// One report of libFuzzer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    runs: u64,
    edges: u64,
    features: u64,
    corpus: u64,
}

impl Progress {
    /// Reads one line; true when it belongs to the report of a failure.
    pub(super) fn read(&mut self, line: &str) -> bool {
        let Some(state) = state(line) else {
            return !line.trim().is_empty() && !is_routine(line);
        };
        self.last = state;
        if line.contains("\tINITED") {
            self.first = Some(state);
        }
        false
    }

    /// Whether coverage was counted at all.
    pub(super) fn is_guided(&self) -> bool {
        // Without counters libFuzzer stops at once and says no more than `cov: 2`.
        self.last.edges > 100
    }

    /// The figures in one line, once the seeds are read.
    pub(super) fn summary(&self) -> Option<String> {
        let (first, last) = (self.first?, self.last);
        Some(format!(
            "{} inputs; {} edges and {} features covered, {} and {} at first; corpus of {} inputs, {} at first",
            last.runs,
            last.edges,
            last.features,
            first.edges,
            first.features,
            last.corpus,
            first.corpus
        ))
    }
}

/// What libFuzzer says of itself: its settings, the functions it reached, the
/// words it found and the parts of other sanitizers that it does without.
fn is_routine(line: &str) -> bool {
    const STARTS: [&str; 6] = [
        "INFO:",
        "WARNING: Failed to find function \"__sanitizer_",
        "NEW_FUNC",
        "Done ",
        "Recommended dictionary",
        "######",
    ];
    let line = line.trim_start();
    STARTS.iter().any(|start| line.starts_with(start)) || line.contains("\" # Uses: ")
}

/// The figures of a line that reports some.
fn state(line: &str) -> Option<State> {
    let (runs, rest) = line.strip_prefix('#')?.split_once('\t')?;
    let after = |name: &str| -> Option<u64> {
        let mut words = rest.split_whitespace().skip_while(|word| *word != name);
        let value = words.nth(1)?;
        value.split('/').next()?.parse().ok()
    };
    Some(State {
        runs: runs.parse().ok()?,
        edges: after("cov:")?,
        features: after("ft:")?,
        corpus: after("corp:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: [&str; 10] = [
        "WARNING: Failed to find function \"__sanitizer_print_stack_trace\".",
        "INFO: Running with entropic power schedule (0xFF, 100).",
        "INFO: Loaded 1 modules   (123 inline 8-bit counters): 123 [0x5, 0x6),",
        "#203\tINITED cov: 1500 ft: 4000 corp: 150/45Kb exec/s: 0 rss: 60Mb",
        "\tNEW_FUNC[1/2]: 0x55  (/target/fuzz-datafile+0x1)",
        "#310\tNEW    cov: 1501 ft: 4003 corp: 151/46Kb lim: 4096 exec/s: 0 rss: 61Mb L: 9/99 MS: 1 CopyPart-",
        "#90210\tDONE   cov: 1700 ft: 5000 corp: 400/90Kb lim: 16384 exec/s: 1500 rss: 90Mb",
        "###### Recommended dictionary. ######",
        "\"TYPE\" # Uses: 20",
        "Done 90210 runs in 61 second(s)",
    ];

    #[test]
    fn a_run_is_told_in_one_line() {
        let mut progress = Progress::default();
        assert_eq!(progress.summary(), None);
        for line in RUN {
            assert!(!progress.read(line), "{line} is no failure");
        }
        assert!(progress.is_guided());
        assert_eq!(
            progress.summary().as_deref(),
            Some(
                "90210 inputs; 1700 edges and 5000 features covered, 1500 and 4000 at first; corpus of 400 inputs, 150 at first"
            )
        );
    }

    #[test]
    fn what_a_failure_says_is_shown() {
        let mut progress = Progress::default();
        assert!(progress.read("thread '<unnamed>' panicked at server/token/src/json.rs:1:1:"));
        assert!(progress.read("==123== ERROR: libFuzzer: deadly signal"));
        assert!(progress.read("ALARM: working on the last Unit for 11 seconds"));
    }

    #[test]
    fn a_run_without_counters_is_not_guided() {
        let mut progress = Progress::default();
        progress.read("#2\tINITED exec/s: 0 rss: 30Mb");
        progress.read("#2\tINITED cov: 2 ft: 2 corp: 1/1b exec/s: 0 rss: 30Mb");
        assert!(!progress.is_guided());
    }
}
