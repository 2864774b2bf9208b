//! Populating materialized views on demand:
//! `POST /v0/pipes/<pipe>/nodes/<node>/population`.

use crate::api::error::engine_error;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::ApiError;

use crate::api::request::auth::Caller;
use crate::api::request::input::Input;
use crate::api::resources::pipes;
use crate::api::state::Api;
use crate::api::work::jobs::{self, Outcome, Task};
use crate::project::{ApplyError, PopulateError, Population, qualified};
use datafile::NodeKind;
use engine::Statement;

pub(crate) fn router() -> Router<Api> {
    Router::new().route("/v0/pipes/{pipe}/nodes/{node}/population", post(populate))
}

async fn populate(
    State(api): State<Api>,
    Caller(access): Caller,
    Path((pipe, node)): Path<(String, String)>,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let served = api.served();
    let pipe = served.require_pipe(&pipe)?;
    let node = pipes::require_node(&served, &pipe.item, &node)?;
    let NodeKind::Materialized { data_source, .. } = &node.kind else {
        let message = format!("the node `{}` is no materialized view", node.name);
        return Err(ApiError::bad_request("not_materialized", message));
    };
    if input.flag("unlink_on_populate_error") {
        let message = "views are linked by the project's files, and a population that fails \
                       changes nothing: leave `unlink_on_populate_error` out";
        return Err(ApiError::bad_request("invalid_parameter", message));
    }
    let population = Population {
        truncate: input.flag("truncate"),
        subset: subset(&input)?,
        condition: condition(&api, &pipe.item.name, &input).await?,
    };
    let details = jobs::filling(&served, &pipe.item.name, data_source);
    let task = Task::Population(ViewPopulation {
        pipe: pipe.item.name.clone(),
        population,
    });
    let id = api.jobs().queue(&api, &access, task, details).await?;
    Ok(Json(jobs::started(&id)))
}

/// One population, as it is kept with its job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ViewPopulation {
    pub(crate) pipe: String,
    population: Population,
}

impl ViewPopulation {
    /// Whether the rows take the place of those that are there.
    pub(crate) fn replaces(&self) -> bool {
        self.population.truncate
    }

    /// Populates the view.
    pub(crate) async fn run(&self, api: &Api) -> Outcome {
        let populated = api.workspace().populate(&self.pipe, &self.population);
        populated.await?;
        Ok(Map::new())
    }
}

fn subset(input: &Input) -> Result<Option<f64>, ApiError> {
    let Some(text) = input.text("populate_subset") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(Some(share)),
        _ => {
            let message = "`populate_subset` is a share of the rows, above 0 and up to 1";
            Err(ApiError::bad_request("invalid_parameter", message))
        }
    }
}

/// The condition is SQL from outside: the engine's parser must find it a
/// condition that reads no table. As a filter of its source it would filter
/// itself where it read that.
async fn condition(api: &Api, pipe: &str, input: &Input) -> Result<Option<String>, ApiError> {
    let Some(condition) = input.text("populate_condition") else {
        return Ok(None);
    };
    let alone = format!("SELECT 1 WHERE (\n{condition}\n)");
    crate::api::answers::sql::check_condition(api, &alone, "").await?;
    // What the parser cannot know, such as the source's columns.
    let source = api.workspace().view_source(pipe).await?;
    let table = qualified(api.database(), &source);
    let none = format!("SELECT 1 FROM {table} WHERE (\n{condition}\n) LIMIT 0");
    api.engine()
        .query(Statement::read(none, "Null"))
        .await
        .map_err(engine_error)?;
    Ok(Some(condition.to_owned()))
}

impl From<PopulateError> for ApiError {
    fn from(error: PopulateError) -> Self {
        match error {
            PopulateError::Run(ApplyError::Engine { source, .. }) => engine_error(source),
            PopulateError::Changed => Self::conflict("project_changed", error.to_string()),
            PopulateError::Replaced(_) => Self::conflict("rows_replaced", error.to_string()),
            PopulateError::NoView(_) => Self::bad_request("not_materialized", error.to_string()),
            PopulateError::Run(ApplyError::Refused(_)) | PopulateError::KeepsNothing(_) => {
                Self::bad_request("population_refused", error.to_string())
            }
        }
    }
}
