//! A clock that stands still until a test moves it.

use analytics::Clock;
use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct TestClock(watch::Sender<OffsetDateTime>);

impl TestClock {
    pub(crate) fn at(now: OffsetDateTime) -> Self {
        Self(watch::Sender::new(now))
    }

    pub(crate) fn set(&self, now: OffsetDateTime) {
        self.0.send_replace(now);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.borrow()
    }

    async fn until(&self, moment: OffsetDateTime) {
        let mut times = self.0.subscribe();
        let began = self.now();
        // The clock outlives everybody who looks at it.
        let come = |now: &OffsetDateTime| *now >= moment || *now < began;
        times.wait_for(come).await.unwrap();
    }
}
