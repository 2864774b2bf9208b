//! Statements whose callers no longer wait: told to stop, given a grace, and
//! if they do not give way the engine is ended for them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::wire::Reply;
use super::{Door, Inner};
use crate::EngineError;
use crate::supervisor::Ending;

/// A statement on its way, with its slot and its connection.
pub(super) type Exchange = Pin<Box<dyn Future<Output = Result<Reply, EngineError>> + Send>>;

/// How long to wait before the engine is told again: the first time may come
/// before it has begun with the statement.
const AGAIN: Duration = Duration::from_millis(100);

/// A statement somebody waits for. Dropped before its answer is there, it is
/// stopped behind the caller's back, and holds its slot until it has ended.
pub(super) struct Flight {
    inner: Arc<Inner>,
    id: String,
    exchange: Option<Exchange>,
}

impl Flight {
    pub(super) fn new(inner: Arc<Inner>, id: String, exchange: Exchange) -> Self {
        Self {
            inner,
            id,
            exchange: Some(exchange),
        }
    }

    /// Waits for the answer.
    pub(super) async fn answer(&mut self) -> Result<Reply, EngineError> {
        let Some(exchange) = &mut self.exchange else {
            return Err(EngineError::Cancelled);
        };
        let answer = exchange.await;
        self.exchange = None;
        answer
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        // Without a runtime the process ends, and the engine with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(stop(Arc::clone(&self.inner), self.id.clone(), exchange));
        }
    }
}

async fn stop(inner: Arc<Inner>, id: String, mut exchange: Exchange) {
    let told = async {
        loop {
            inner.kill(&id).await;
            tokio::time::sleep(AGAIN).await;
        }
    };
    let gives_way = tokio::time::timeout(inner.grace, async {
        tokio::select! {
            _ = &mut exchange => {}
            () = told => {}
        }
    });
    if gives_way.await.is_ok() {
        return;
    }
    if let Door::Child(supervisor) = &inner.door {
        tracing::error!(
            query_id = id,
            grace_seconds = inner.grace.as_secs_f64(),
            "a statement went on past its deadline and did not stop when told: the engine is ended for it"
        );
        supervisor.end(&id, Ending::Time);
        let _ = exchange.await;
    }
}
