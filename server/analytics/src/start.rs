//! Putting the parts together: from settings to a router that serves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use axum::Router;
use service::Readiness;
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use thiserror::Error;
use token::{KeyError, Keyring, Verifier};
use tokio::task::JoinHandle;

use crate::access::{Authority, AuthoritySettings, StoreError, TokenStore};
use crate::api::{self, Api, DATABASE, Fetcher, ImportFiles, Jobs, Parts, Served, Variables};
use crate::background;
use crate::clock::{Clock, SystemClock};
use crate::deploy::{Deployer, ResumeError};
use crate::door::{DoorError, open_engine};
use crate::fixtures::{FixtureError, Fixtures, Step, are_served};
use crate::limit::Limiter;
use crate::project::{
    Applied, NotServed, Project, Variables as ProjectVariables, Verdicts, Workspace,
};
use crate::schedule::Schedules;
use crate::service_data::ServiceData;
use crate::settings::Settings;
use crate::unfinished::Unfinished;
use engine::guard::Guard;
use engine::{Engine, EngineError, Statement};

/// The tables of this server; other services have theirs in the same database.
#[must_use]
pub fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!();
    migrations.set_ignore_missing(true);
    migrations
}

/// What the server that contains this one hands over.
#[derive(Debug)]
pub struct StartOptions {
    /// Where state is kept; the engine's data goes into `engine/` below it.
    pub state_directory: PathBuf,
    /// The database of tokens, revocations and variables.
    pub pool: SqlitePool,
    /// The workspace whose tokens are accepted.
    pub workspace_id: String,
    /// What the workspace is called.
    pub workspace_name: String,
    /// The workspace admin token.
    pub admin_token: String,
    /// The keys of JWTs.
    pub keys: Keyring,
    /// What `$NAME` in datafiles stands for.
    pub environment: BTreeMap<String, String>,
}

/// Why the analytics server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no engine.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// The engine fails the server's own statements.
    #[error("the engine fails: {0}")]
    Engine(#[from] EngineError),
    /// The project is wrong or cannot be applied.
    #[error(transparent)]
    Project(#[from] NotServed),
    /// The keys of JWTs do not fit together.
    #[error("the keys of tokens cannot be used: {0}")]
    Keys(#[from] KeyError),
    /// The database of tokens cannot be migrated.
    #[error("the database cannot be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database of tokens cannot be read.
    #[error("the database cannot be read")]
    Database(#[from] sqlx::Error),
    /// The tokens cannot be read or written.
    #[error(transparent)]
    Tokens(#[from] StoreError),
    /// Nothing can be fetched over HTTP here.
    #[error("files cannot be fetched: the HTTP client does not start")]
    Fetcher(#[from] reqwest::Error),
    /// The state directory cannot be written to.
    #[error("the directory `writing` of the state cannot be used: {0}")]
    Writing(#[from] std::io::Error),
    /// A configured origin is none.
    #[error("analytics.cors_origins: {0}")]
    Origin(String),
}

impl StartError {
    /// Whether it may start later as it is: its engine is what is missing.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Door(error) => error.may_pass(),
            Self::Engine(error) => matches!(
                error,
                EngineError::Unavailable(_) | EngineError::Lost(_) | EngineError::DeadlineExceeded
            ),
            _ => false,
        }
    }
}

/// The routes of a server that does not serve yet: every call is told to come
/// again, and `/readyz` why.
///
/// # Errors
/// [`StartError::Origin`].
pub fn starting_router(
    cors_origins: &[String],
    reason: impl Fn() -> String + Send + Sync + 'static,
) -> Result<Router, StartError> {
    let reason = Arc::new(reason);
    let readiness = Readiness::new(move || {
        let reason = Arc::clone(&reason);
        async move { Err(reason()) }
    });
    api::starting_router(cors_origins, readiness).map_err(StartError::Origin)
}

/// An analytics server that is ready to serve.
#[derive(Debug)]
pub struct Running {
    api: Api,
    router: Router,
    applied: Applied,
    tasks: Vec<JoinHandle<()>>,
}

/// Opens the engine, loads and applies the project, and makes the router.
///
/// # Errors
/// [`StartError`], which says what to change.
pub async fn start(settings: Settings, options: StartOptions) -> Result<Running, StartError> {
    start_with_clock(settings, options, Arc::new(SystemClock)).await
}

/// The same by another clock: schedules and jobs follow it.
///
/// # Errors
/// As [`start`].
pub async fn start_with_clock(
    settings: Settings,
    options: StartOptions,
    clock: Arc<dyn Clock>,
) -> Result<Running, StartError> {
    migrations().run(&options.pool).await?;
    let configured: BTreeMap<String, String> = settings
        .secrets
        .iter()
        .map(|(name, secret)| (name.clone(), secret.reveal().to_owned()))
        .collect();
    let variables = Variables::load(options.pool.clone(), configured).await?;
    let schedules = Schedules::load(options.pool.clone()).await?;
    let authority = Arc::new(
        Authority::new(AuthoritySettings {
            verifier: Verifier::new(&options.workspace_id, options.keys.verifying.clone())?,
            workspace_id: options.workspace_id,
            admin_token: options.admin_token,
            store: TokenStore::new(options.pool.clone()),
            cache_bytes: settings.limits.token_cache_bytes,
        })
        .await?,
    );
    let engine: Arc<dyn Engine> =
        Arc::new(open_engine(&settings.engine, &options.state_directory, DATABASE).await?);
    let writing_directory = options.state_directory.join("writing");
    let project_variables = ProjectVariables {
        environment: options.environment,
        secrets: (*variables.values()).clone(),
        ..ProjectVariables::default()
    };
    let pool = options.pool;
    let served = serve_project(&settings, project_variables, &engine, pool.clone()).await;
    let (deployer, applied) = match served {
        Ok(served) => served,
        Err(error) => {
            engine.shutdown().await;
            return Err(error);
        }
    };
    let workspace = Arc::clone(deployer.workspace());
    background::sync_tokens(&authority, &workspace.current()).await?;
    schedules.follow(&workspace.current(), clock.now()).await;

    let (unfinished, left) = Unfinished::open(&writing_directory)?;
    report_unfinished(&workspace.current(), engine.as_ref(), &left).await?;
    let (service_data, writing) = ServiceData::open(Arc::clone(&engine)).await?;
    let files = ImportFiles::new(options.state_directory.join("imports"));
    let jobs = Jobs::load(pool, files, Arc::clone(&clock), service_data.clone()).await?;
    let served = Served::new(workspace.current(), authority.workspace_id());
    let api = Api::new(Parts {
        limiter: Limiter::new(settings.limits.max_buckets),
        workspace_name: options.workspace_name,
        signing_key: options.keys.signing,
        guard: Guard::default(),
        served: RwLock::new(Arc::new(served)),
        jobs,
        fetcher: Fetcher::new(&settings.import_hosts, settings.limits.file_bytes)?,
        schedules,
        clock,
        service_data,
        settings,
        authority,
        engine,
        workspace,
        deployer,
        variables,
        unfinished,
    });
    let router = api::router(api.clone(), readiness(&api)).map_err(StartError::Origin)?;
    api.jobs().resume(&api).await;
    let mut tasks = background::spawn(&api);
    tasks.push(writing);
    Ok(Running {
        api,
        router,
        applied,
        tasks,
    })
}

/// Says which views may lack rows that their data source has.
async fn report_unfinished(
    project: &Project,
    engine: &dyn Engine,
    left: &BTreeSet<String>,
) -> Result<(), NotServed> {
    for data_source in left {
        let behind = project.filled_from(engine, DATABASE, data_source).await?;
        if !behind.is_empty() {
            metrics::counter!("views_behind_total").increment(1);
            tracing::error!(
                data_source,
                ?behind,
                "the server was ended while rows came in: what was not acknowledged may be in the \
                 data source and not in what its materialized views fill; populate those with \
                 `truncate=true`, or replace the data source's rows, to make both the same"
            );
        }
    }
    Ok(())
}

/// Serves the project, with what an interrupted deployment still had to do.
async fn serve_project(
    settings: &Settings,
    variables: ProjectVariables,
    engine: &Arc<dyn Engine>,
    pool: SqlitePool,
) -> Result<(Deployer, Applied), StartError> {
    let verdicts = Verdicts::load(pool.clone(), engine.as_ref()).await;
    let (directory, engine) = (&settings.project, Arc::clone(engine));
    let workspace = Workspace::new(directory, variables, engine, DATABASE, verdicts).await;
    let workspace = workspace.map_err(NotServed::from)?;
    let deployer = Deployer::new(Arc::new(workspace), pool);
    let resumed = deployer.resume().await.map_err(|error| match error {
        ResumeError::Workspace(error) => StartError::Project(error),
        ResumeError::Database(error) => StartError::Database(error),
    })?;
    let applied = match deployer.workspace().reload().await? {
        Some(applied) => applied,
        None => resumed.unwrap_or_default(),
    };
    Ok((deployer, applied))
}

/// Bytes of the disk without which nothing can be written.
const ROOM: u64 = 4 * 1024 * 1024;

/// Ready is who gets an answer out of the engine and has room for rows.
fn readiness(api: &Api) -> Readiness {
    let engine = Arc::clone(api.engine());
    Readiness::new(move || {
        let engine = Arc::clone(&engine);
        async move { check_room(engine.as_ref(), ROOM).await }
    })
}

/// Refuses disks of the engine with fewer bytes free.
async fn check_room(engine: &dyn Engine, bytes: u64) -> Result<(), String> {
    let free = format!("SELECT min(free_space) >= {bytes} FROM system.disks");
    let answer = engine.query(Statement::read(free, "TabSeparated")).await;
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.body.starts_with(b"1") {
        true => Ok(()),
        false => Err("the disk of the analytics data is full".to_owned()),
    }
}

impl Running {
    /// The routes, ready to serve, health routes included. Serve it with the
    /// callers' addresses (`into_make_service_with_connect_info`).
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// What loading the project did to the tables.
    #[must_use]
    pub fn applied(&self) -> &Applied {
        &self.applied
    }

    /// The project that is served, and how to reload it.
    #[must_use]
    pub fn workspace(&self) -> &Arc<Workspace> {
        self.api.workspace()
    }

    /// The engine that answers.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        self.api.engine()
    }

    /// Whether the project's fixtures are to be loaded when it is served; see
    /// [`crate::fixtures::are_served`].
    #[must_use]
    pub fn serves_fixtures(&self) -> bool {
        are_served(&self.workspace().current())
    }

    /// Loads the project's fixtures into data sources without rows; see
    /// [`crate::fixtures`]. `now` is in unix seconds.
    ///
    /// # Errors
    /// [`FixtureError`] for the first fixture that cannot be loaded.
    pub async fn load_fixtures(
        &self,
        now: i64,
        report: impl FnMut(Step<'_>) + Send,
    ) -> Result<usize, FixtureError> {
        let _tables_stay = self.workspace().writing().await;
        let fixtures = Fixtures {
            directory: &self.api.settings().project,
            project: &self.workspace().current(),
            engine: self.engine().as_ref(),
            database: DATABASE,
        };
        fixtures.load_missing(now, report).await
    }

    /// Ends background work and closes the engine, letting running queries
    /// end.
    pub async fn shutdown(self) {
        self.api.service_data().flush().await;
        for task in &self.tasks {
            task.abort();
        }
        self.api.jobs().stop();
        self.api.engine().shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::TestEngine;

    #[tokio::test]
    async fn a_disk_without_room_is_not_ready() {
        let engine = TestEngine::open().await;
        assert_eq!(check_room(&*engine, ROOM).await, Ok(()));
        let full = check_room(&*engine, u64::MAX).await;
        assert!(full.is_err_and(|text| text.contains("full")));
        engine.shutdown().await;
        assert!(check_room(&*engine, 0).await.is_err());
    }
}
