//! What jobs do, as data: kept with the job, so that a restart goes on with it
//! and a retry does it again. Doing it is each resource's own.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::ApiError;

use crate::api::resources::data_sources::Deletion;
use crate::api::rows::append::Import;
use crate::api::state::Api;
use crate::api::work::copies::CopyRun;
use crate::api::work::populations::ViewPopulation;

/// What a job answers with: members that are added to its description.
pub(crate) type Outcome = Result<Map<String, Value>, ApiError>;

/// The work of one job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Task {
    #[serde(rename = "import")]
    Import(Import),
    #[serde(rename = "copy")]
    Copy(CopyRun),
    #[serde(rename = "populateview")]
    Population(ViewPopulation),
    #[serde(rename = "delete_data")]
    Deletion(Deletion),
}

impl Task {
    /// The kind of job, as the API names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Import(_) => "import",
            Self::Copy(_) => "copy",
            Self::Population(_) => "populateview",
            Self::Deletion(_) => "delete_data",
        }
    }

    /// What it is about. Of the tasks of a kind about the same only one is
    /// under way; imports do not hinder each other.
    pub(super) fn subject(&self) -> Option<String> {
        match self {
            Self::Import(_) => None,
            Self::Copy(copy) => Some(copy.pipe.clone()),
            Self::Population(population) => Some(population.pipe.clone()),
            Self::Deletion(deletion) => {
                Some(format!("{} {}", deletion.data_source, deletion.condition))
            }
        }
    }

    /// Whether a user who wants it again can have it; files are kept only until
    /// they are read.
    pub(super) fn is_kept(&self) -> bool {
        !matches!(self, Self::Import(_))
    }

    /// Whether it can be stopped half-way. What goes on in the engine part by
    /// part would leave half of it done.
    pub(super) fn is_stoppable(&self) -> bool {
        !matches!(self, Self::Deletion(_))
    }

    /// Whether doing it once more after it was cut short comes to the same as
    /// doing it once. What adds rows that nothing tells apart does not.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::Import(_) | Self::Deletion(_) => true,
            Self::Copy(copy) => copy.replaces,
            Self::Population(population) => population.replaces(),
        }
    }

    /// Does the work of the job `id`.
    pub(super) async fn run(&self, api: &Api, id: &str) -> Outcome {
        match self {
            Self::Import(import) => import.run_kept(api, id).await,
            Self::Copy(copy) => copy.run(api).await,
            Self::Population(population) => population.run(api).await,
            Self::Deletion(deletion) => deletion.run(api).await,
        }
    }
}
