//! What the routes share: the project as it is served now, and the parts that
//! do the work.

use crate::api::error::engine_error;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use service::ApiError;
use time::OffsetDateTime;
use token::SigningKey;
use tokio::sync::OnceCell;

use super::resources::variables::Variables;
use super::rows::fetch::Fetcher;
use super::work::jobs::Jobs;
use crate::access::{Authority, Resource, resource_id};
use crate::clock::Clock;
use crate::deploy::Deployer;
use crate::limit::Limiter;
use crate::project::{Project, Workspace};
use crate::schedule::Schedules;
use crate::service_data::ServiceData;
use crate::settings::Settings;
use crate::unfinished::Unfinished;
use datafile::{DataSource, Pipe};
use engine::guard::Guard;
use engine::{Engine, QueryLimits, Statement, sql};

/// The database of the data sources.
pub const DATABASE: &str = "rookery";

/// The state of every route.
#[derive(Clone, Debug)]
pub(crate) struct Api(Arc<Parts>);

/// What an [`Api`] is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) workspace_name: String,
    pub(crate) authority: Arc<Authority>,
    /// Signs the JWTs that are made through the API.
    pub(crate) signing_key: SigningKey,
    pub(crate) limiter: Limiter,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) guard: Guard,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) deployer: Deployer,
    pub(crate) served: RwLock<Arc<Served>>,
    pub(crate) variables: Variables,
    pub(crate) jobs: Jobs,
    pub(crate) fetcher: Fetcher,
    pub(crate) schedules: Schedules,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) service_data: ServiceData,
    pub(crate) unfinished: Unfinished,
}

impl Api {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn workspace_name(&self) -> &str {
        &self.0.workspace_name
    }

    pub(crate) fn authority(&self) -> &Arc<Authority> {
        &self.0.authority
    }

    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.0.signing_key
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.0.engine
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    /// The database of the data sources.
    pub(crate) fn database(&self) -> &'static str {
        DATABASE
    }

    pub(crate) fn workspace(&self) -> &Arc<Workspace> {
        &self.0.workspace
    }

    pub(crate) fn deployer(&self) -> &Deployer {
        &self.0.deployer
    }

    pub(crate) fn variables(&self) -> &Variables {
        &self.0.variables
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// What fetches the files of imports.
    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.0.fetcher
    }

    pub(crate) fn unfinished(&self) -> &Unfinished {
        &self.0.unfinished
    }

    /// The schedules of copy pipes.
    pub(crate) fn schedules(&self) -> &Schedules {
        &self.0.schedules
    }

    /// Where calls and operations are noted.
    pub(crate) fn service_data(&self) -> &ServiceData {
        &self.0.service_data
    }

    /// The clock of schedules and jobs.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// What `tb_secret` finds: the configured secrets under those that were
    /// set through the API.
    pub(crate) fn secrets(&self) -> Arc<BTreeMap<String, String>> {
        self.0.variables.values()
    }

    /// The limits of a query from outside.
    pub(crate) fn query_limits(&self) -> QueryLimits {
        let query = &self.0.settings.query;
        QueryLimits {
            deadline: Duration::from_secs(query.deadline_seconds),
            memory: query.memory_bytes,
            max_threads: query.max_threads,
            result_bytes: query.result_bytes,
        }
    }

    /// The project as it is served now. A request keeps the one it began with.
    pub(crate) fn served(&self) -> Arc<Served> {
        let project = self.0.workspace.current();
        let served = Arc::clone(&self.0.served.read().unwrap_or_else(PoisonError::into_inner));
        if Arc::ptr_eq(&served.project, &project) {
            return served;
        }
        let served = Arc::new(Served::new(project, self.0.authority.workspace_id()));
        *self
            .0
            .served
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::clone(&served);
        served
    }
}

/// A project with the ids of its resources.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) project: Arc<Project>,
    pub(crate) loaded_at: OffsetDateTime,
    workspace_id: String,
    names_by_id: HashMap<String, String>,
    /// Every table of the database, read when it is first asked for. Tables
    /// change only when a project is applied, before it is served.
    tables: OnceCell<BTreeSet<String>>,
}

/// A pipe or data source and its id.
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    pub(crate) item: Arc<T>,
    pub(crate) id: String,
}

impl Served {
    pub(crate) fn new(project: Arc<Project>, workspace_id: &str) -> Self {
        let pipes = project.pipes().map(|pipe| &pipe.name);
        let data_sources = project.data_sources().map(|data_source| &data_source.name);
        let names_by_id = pipes
            .chain(data_sources)
            .map(|name| (resource_id(workspace_id, name), name.clone()))
            .collect();
        Self {
            loaded_at: OffsetDateTime::now_utc(),
            workspace_id: workspace_id.to_owned(),
            names_by_id,
            tables: OnceCell::new(),
            project,
        }
    }

    /// Every table of the database, those of former projects included.
    pub(crate) async fn tables(&self, api: &Api) -> Result<&BTreeSet<String>, ApiError> {
        let read = || async {
            let database = sql::literal(api.database());
            let text = format!("SELECT name FROM system.tables WHERE database = {database}");
            let answer = api
                .engine()
                .query(Statement::read(text, "JSONCompactEachRow"))
                .await
                .map_err(engine_error)?;
            serde_json::Deserializer::from_slice(&answer.body)
                .into_iter::<[String; 1]>()
                .map(|row| row.map(|[name]| name).map_err(ApiError::internal))
                .collect::<Result<_, ApiError>>()
        };
        self.tables.get_or_try_init(read).await
    }

    /// The id of a pipe, node or data source.
    pub(crate) fn id(&self, name: &str) -> String {
        resource_id(&self.workspace_id, name)
    }

    /// How answers name a pipe or data source: `{"id", "name"}`.
    pub(crate) fn reference(&self, name: &str) -> Value {
        json!({ "id": self.id(name), "name": name })
    }

    /// The pipe with this name or id.
    pub(crate) fn pipe(&self, name_or_id: &str) -> Option<Named<Pipe>> {
        let name = self.name(name_or_id);
        self.project.pipe(name).map(|pipe| Named {
            item: Arc::clone(pipe),
            id: self.id(name),
        })
    }

    /// The data source with this name or id.
    pub(crate) fn data_source(&self, name_or_id: &str) -> Option<Named<DataSource>> {
        let name = self.name(name_or_id);
        let data_source = self.project.data_source(name)?;
        Some(Named {
            item: Arc::clone(data_source),
            id: self.id(name),
        })
    }

    /// Like [`Self::pipe`], or a 404.
    pub(crate) fn require_pipe(&self, name_or_id: &str) -> Result<Named<Pipe>, ApiError> {
        self.pipe(name_or_id)
            .ok_or_else(|| no_such_pipe(name_or_id))
    }

    /// Like [`Self::data_source`], or a 404.
    pub(crate) fn require_data_source(
        &self,
        name_or_id: &str,
    ) -> Result<Named<DataSource>, ApiError> {
        self.data_source(name_or_id)
            .ok_or_else(|| no_such_data_source(name_or_id))
    }

    fn name<'a>(&'a self, name_or_id: &'a str) -> &'a str {
        self.names_by_id
            .get(name_or_id)
            .map_or(name_or_id, String::as_str)
    }
}

pub(crate) fn no_such_pipe(name: &str) -> ApiError {
    ApiError::not_found(
        "pipe_not_found",
        format!("The pipe '{name}' does not exist"),
    )
}

pub(crate) fn no_endpoint(name: &str) -> ApiError {
    let message = format!("The pipe '{name}' does not have an endpoint yet");
    ApiError::not_found("endpoint_not_found", message)
}

pub(crate) fn no_such_data_source(name: &str) -> ApiError {
    let message = format!("The data source '{name}' does not exist");
    ApiError::not_found("data_source_not_found", message)
}

impl Named<Pipe> {
    pub(crate) fn resource(&self) -> Resource<'_> {
        Resource {
            name: &self.item.name,
            id: &self.id,
        }
    }
}

impl Named<DataSource> {
    pub(crate) fn resource(&self) -> Resource<'_> {
        Resource {
            name: &self.item.name,
            id: &self.id,
        }
    }
}
