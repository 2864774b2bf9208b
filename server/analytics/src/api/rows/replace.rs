//! Replacing rows: who may, what stands against it, and in which order the
//! workspace's tables are held while it happens.

use crate::api::error::engine_error;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::access::{Access, Resource};
use crate::api::answers::sql::check_condition;
use crate::api::request::input::Input;
use crate::api::state::{Api, Named, no_such_data_source};
use crate::ingest::{Append, Incoming, Ingested, OwnedTarget, probe};
use crate::project::{ApplyError, FollowError, qualified};
use datafile::{DataSource, EngineKind};

/// How rows are to be replaced.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Replacement {
    /// Which rows; all of them without.
    condition: Option<String>,
    /// Whether a file without rows takes the old ones away.
    empties: bool,
    /// Whether materialized views keep what they made of the old rows.
    leaves_views: bool,
}

impl Replacement {
    /// What a request's parameters ask for.
    pub(crate) fn of(input: &Input) -> Self {
        let condition = input.text("replace_condition").map(str::trim);
        Self {
            condition: condition
                .filter(|condition| !condition.is_empty())
                .map(str::to_owned),
            empties: input.flag("replace_truncate_when_empty"),
            leaves_views: input.flag("skip_incompatible_partition_key"),
        }
    }

    /// Whether this can be done to a data source at all.
    pub(crate) async fn check(&self, api: &Api, data_source: &DataSource) -> Result<(), ApiError> {
        let name = &data_source.name;
        if data_source.engine.kind == EngineKind::Null {
            let message = format!("`{name}` keeps no rows that could be replaced: append to it");
            return Err(ApiError::bad_request("nothing_to_replace", message));
        }
        if let Some(condition) = &self.condition {
            // The condition is SQL from outside. Read in two places, it cannot
            // leave either: it is an expression over its own table's columns.
            let table = qualified(api.database(), name);
            let alone = format!("SELECT count() FROM {table} WHERE (\n{condition}\n)");
            check_condition(api, &alone, name).await?;
            check_condition(api, &probe(api.database(), name, condition), name).await?;
        }
        if self.leaves_views {
            return Ok(());
        }
        let project = api.workspace().current();
        let filled = project
            .filled_from(api.engine().as_ref(), api.database(), name)
            .await
            .map_err(|error| unable_to_follow(name, error.into()))?;
        if filled.is_empty() || self.condition.is_none() {
            return Ok(());
        }
        let message = format!(
            "rows of `{name}` fill {} through materialized views, which cannot be told which of \
             theirs come from the rows that go: replace all rows, or add \
             skip_incompatible_partition_key=true to leave what the views made as it is",
            filled.join(", ")
        );
        Err(ApiError::conflict("feeds_views", message))
    }

    /// Replaces rows, for somebody who was found to be allowed to.
    pub(crate) async fn run(
        &self,
        api: &Api,
        name: &str,
        rows: Append,
    ) -> Result<Ingested, ApiError> {
        let (project, incoming) = {
            let _tables_stay = api.workspace().writing().await;
            let data_source = api.served().require_data_source(name)?;
            self.check(api, &data_source.item).await?;
            let owned = OwnedTarget {
                engine: Arc::clone(api.engine()),
                database: api.database().to_owned(),
                data_source: data_source.item,
            };
            (
                api.workspace().current(),
                Incoming::load(owned, rows).await?,
            )
        };
        let mut ingested = incoming.ingested;
        if let Some(condition) = &self.condition {
            ingested.successful_rows = incoming.count(condition).await.map_err(engine_error)?;
        }
        if ingested.successful_rows == 0 && !self.empties {
            return Err(no_rows());
        }
        let _nobody_writes = api.workspace().exchanging().await;
        if !Arc::ptr_eq(&project, &api.workspace().current()) {
            return Err(project_changed());
        }
        let filled = match &self.condition {
            Some(condition) => {
                incoming
                    .keep_others(condition)
                    .await
                    .map_err(engine_error)?;
                Vec::new()
            }
            None if self.leaves_views => Vec::new(),
            None => project
                .rebuild_targets(
                    api.engine().as_ref(),
                    api.database(),
                    incoming.database(),
                    name,
                )
                .await
                .map_err(|error| unable_to_follow(name, error))?,
        };
        incoming.put_in_place(&filled).await.map_err(engine_error)?;
        Ok(ingested)
    }
}

/// The data source, if the caller may replace its rows. Whoever may not learns
/// nothing about whether it exists.
pub(crate) fn replaceable(
    api: &Api,
    access: &Access,
    name: &str,
) -> Result<Named<DataSource>, ApiError> {
    let found = api.served().data_source(name);
    let unknown = Resource { name, id: name };
    access.replace_rows(
        found
            .as_ref()
            .map_or(unknown, Named::<DataSource>::resource),
    )?;
    found.ok_or_else(|| no_such_data_source(name))
}

fn unable_to_follow(name: &str, error: FollowError) -> ApiError {
    match error {
        FollowError::OtherRows { .. } => {
            let message = format!(
                "{error}, so it cannot be made anew from other rows of `{name}`: add \
                 skip_incompatible_partition_key=true to leave it as it is"
            );
            ApiError::conflict("feeds_views", message)
        }
        FollowError::Apply(ApplyError::Engine { source, .. }) => engine_error(source),
        FollowError::Apply(refused @ ApplyError::Refused(_)) => {
            ApiError::conflict("feeds_views", refused.to_string())
        }
    }
}

fn no_rows() -> ApiError {
    let message = "there is no row to put in the place of the old ones, which therefore stay: \
                   with replace_truncate_when_empty=true they go";
    ApiError::bad_request("no_rows", message)
}

fn project_changed() -> ApiError {
    let message = "the project changed while the rows came in, so nothing was replaced: send them \
                   again";
    ApiError::conflict("project_changed", message)
}
