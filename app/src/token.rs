//! The analytics token of a page: provided to every component, renewed before
//! it ends, dropped at sign-out.
//!
//! The token arrives with the page, so it is there on first paint without a
//! request. When to renew it is decided in `renewal`; the browser's timers,
//! events and requests are in `browser`.

mod announcement;
#[cfg(feature = "hydrate")]
mod browser;
pub mod jwt;
mod renewal;

use leptos::prelude::*;

pub use announcement::{Announcement, Elsewhere};
pub use renewal::{Refusal, Renewal, Step};

use crate::{
    json::Packed,
    session::{PageContext, Session, TokenGrant},
};

/// The analytics token as components see it.
#[derive(Clone, Copy, Debug)]
pub struct AnalyticsToken {
    grant: RwSignal<Option<TokenGrant>>,
    problem: RwSignal<Option<Refusal>>,
    #[cfg(feature = "hydrate")]
    driver: browser::Driver,
}

impl AnalyticsToken {
    /// The present token; `None` when there is none to have. Follows it: it is
    /// replaced before it ends.
    pub fn grant(self) -> Option<TokenGrant> {
        self.grant.get()
    }

    /// The token at this moment, for a request; `None` also when the page is
    /// gone.
    pub fn grant_untracked(self) -> Option<TokenGrant> {
        self.grant.try_get_untracked().flatten()
    }

    /// Why the last renewal failed; `None` while all is well. Follows it.
    pub fn problem(self) -> Option<Refusal> {
        self.problem.get()
    }

    /// Waits for a newer token after the analytics server refused `used` as
    /// expired. `None` when there is none.
    #[cfg(feature = "hydrate")]
    pub(crate) async fn renewed(self, used: &str) -> Option<TokenGrant> {
        self.driver.renewed(used).await;
        self.grant_untracked().filter(|grant| grant.token != used)
    }

    /// Drops the token, here and in the other tabs: the person is about to
    /// sign out. The page turns signed-out at once.
    #[cfg(feature = "hydrate")]
    pub(crate) fn drop_everywhere(self) {
        self.driver.sign_out();
    }

    /// The browser's clock, set right by the server's, in unix seconds.
    #[cfg(feature = "hydrate")]
    pub(crate) fn now(self) -> i64 {
        self.driver.now()
    }
}

/// Provides the [`Session`] and the [`AnalyticsToken`] of the page to its
/// children, and keeps the token fresh in the browser.
#[component]
pub fn AnalyticsProvider(children: Children) -> impl IntoView {
    let page = SharedValue::<PageContext, Packed>::new_with_encoding(|| {
        use_context::<PageContext>().unwrap_or_default()
    })
    .into_inner();
    let session = Session::new(page.viewer, page.analytics_origin, page.now);
    let grant = RwSignal::new(page.grant);
    let problem = RwSignal::new(page.unconfirmed.then_some(Refusal::Unconfirmed));
    let token = AnalyticsToken {
        grant,
        problem,
        #[cfg(feature = "hydrate")]
        driver: browser::Driver::new(session, grant, problem),
    };
    provide_context(Page { session, token });
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        token.driver.begin();
        crate::enhance::enhance(token);
    });
    children()
}

/// What [`AnalyticsProvider`] provides.
#[derive(Clone, Copy)]
struct Page {
    session: Session,
    token: AnalyticsToken,
}

/// The session of this page.
pub fn use_session() -> Session {
    expect_context::<Page>().session
}

/// The analytics token of this page.
pub fn use_analytics_token() -> AnalyticsToken {
    expect_context::<Page>().token
}
