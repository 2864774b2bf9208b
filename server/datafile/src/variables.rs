//! What a project takes from outside its files: `$NAME` and secrets.

use std::collections::BTreeMap;
use std::fmt;

/// Values that datafiles may name. Secrets never show in `Debug` output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// What `$NAME` and `${NAME}` stand for.
    pub environment: BTreeMap<String, String>,
    /// What `tb_secret("name")` stands for.
    pub secrets: BTreeMap<String, String>,
    /// Whether a file that names a variable is refused: whoever sends files
    /// over HTTP must not read the server's environment.
    pub refuses_environment: bool,
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Variables")
            .field("environment", &self.environment.keys())
            .field("secrets", &self.secrets.keys())
            .field("refuses_environment", &self.refuses_environment)
            .finish()
    }
}
