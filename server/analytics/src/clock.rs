//! The time by which copies run and jobs are remembered, so that tests can
//! move it. Deadlines and rate limits keep the machine's own clock.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;

/// How far clocks go back of themselves, being corrected little by little.
const CORRECTION: Duration = Duration::from_secs(60);

/// Whether a clock that was at `last` was set back to `now`, rather than
/// corrected.
pub(crate) fn is_set_back(last: OffsetDateTime, now: OffsetDateTime) -> bool {
    last - now > CORRECTION
}

/// Tells the time and waits for a moment.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// The present moment, UTC.
    fn now(&self) -> OffsetDateTime;

    /// Returns once `moment` has come, at once when it is past; and when the
    /// clock was set back meanwhile, so that plans made by it are made anew.
    async fn until(&self, moment: OffsetDateTime);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    async fn until(&self, moment: OffsetDateTime) {
        /// Timers stand still while a machine sleeps, and its clock may be set
        /// anew: it is looked at again after this long at the latest.
        const LOOK_AGAIN: Duration = Duration::from_secs(30);

        let mut last = self.now();
        while let Ok(left) = Duration::try_from(moment - last)
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            let now = self.now();
            if is_set_back(last, now) {
                return;
            }
            last = now;
        }
    }
}
