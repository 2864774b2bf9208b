use sqlx::sqlite::SqlitePoolOptions;

use super::*;
use crate::api::work::copies::CopyRun;
use crate::clock::SystemClock;

async fn pool() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(1);
    let pool = options.connect("sqlite::memory:").await.unwrap();
    sqlx::migrate!().run(&pool).await.unwrap();
    pool
}

async fn jobs(pool: &SqlitePool) -> Jobs {
    let loaded = Jobs::load(
        pool.clone(),
        ImportFiles::new("none".into()),
        Arc::new(SystemClock),
        ServiceData::unwritten(),
    );
    loaded.await.unwrap()
}

fn copy() -> Task {
    Task::Copy(CopyRun::on_demand("p"))
}

impl Jobs {
    async fn begin<Work>(&self, work: Work) -> Result<String, NotBegun>
    where
        Work: Future<Output = Outcome> + Send + 'static,
    {
        let id = Self::new_id();
        self.accept(&id, None, copy(), Map::new()).await?;
        self.spawn(&id, false, work);
        Ok(id)
    }

    fn status(&self, id: &str) -> Status {
        let jobs = self.lock();
        jobs.iter().find(|job| job.id == id).unwrap().status
    }

    async fn ended(&self, id: &str) -> Status {
        while !self.status(id).has_ended() {
            tokio::task::yield_now().await;
        }
        self.status(id)
    }
}

#[tokio::test]
async fn work_that_panics_does_not_keep_others_waiting() {
    let jobs = jobs(&pool().await).await;
    let id = jobs.begin(async { panic!("on purpose") }).await.unwrap();
    let busy = jobs.begin(async { Ok(Map::new()) }).await;
    assert!(matches!(busy, Err(NotBegun::Busy(busy)) if busy == Busy { id: id.clone() }));
    assert_eq!(jobs.ended(&id).await, Status::Error);
    let next = jobs.begin(async { Ok(Map::new()) }).await.unwrap();
    assert_eq!(jobs.ended(&next).await, Status::Done);
}

#[tokio::test]
async fn what_is_cut_short_has_not_ended_and_what_ended_is_remembered() {
    let pool = pool().await;
    let before = jobs(&pool).await;
    let done = before.begin(async { Ok(Map::new()) }).await.unwrap();
    before.ended(&done).await;
    let cut_short = before.begin(std::future::pending()).await.unwrap();
    before.stop();

    let after = jobs(&pool).await;
    assert!(!after.status(&cut_short).has_ended());
    assert_eq!(after.status(&done), Status::Done);
}

#[tokio::test]
async fn the_oldest_ended_job_is_forgotten_for_good() {
    let pool = pool().await;
    let before = jobs(&pool).await;
    let mut ids = Vec::new();
    for _ in 0..=REMEMBERED {
        let id = before.begin(async { Ok(Map::new()) }).await.unwrap();
        before.ended(&id).await;
        ids.push(id);
    }
    let after = jobs(&pool).await;
    let kept: Vec<String> = after.lock().iter().map(|job| job.id.clone()).collect();
    assert_eq!(kept, ids[1..]);
}
