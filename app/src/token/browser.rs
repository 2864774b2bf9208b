//! The browser's side of the token: the clock, the timer, the events that
//! wake it, the request for a new token and the other tabs. What to do when
//! is decided in [`super::renewal`] and [`super::announcement`].

use std::time::Duration;

use futures::channel::oneshot;
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local, web_sys};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use super::{
    Refusal, Renewal, Step,
    announcement::{Announcement, CHANNEL, Elsewhere},
};
use crate::{
    address,
    analytics::{TransportError, TransportResponse},
    browser::{self, Abort},
    json::Json,
    session::{Session, Standing, TokenGrant},
};

/// A difference of the clocks up to this many seconds is the time it took the
/// page to arrive and come alive; more is a clock that is set wrong.
const CLOCK_TOLERANCE: i64 = 60;

/// Drives the renewal of the page's token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Driver {
    session: Session,
    grant: RwSignal<Option<TokenGrant>>,
    problem: RwSignal<Option<Refusal>>,
    renewal: StoredValue<Renewal>,
    timer: StoredValue<Option<TimeoutHandle>>,
    /// Who waits for the attempt that is on its way.
    waiting: StoredValue<Vec<oneshot::Sender<()>>>,
    channel: StoredValue<Option<SendWrapper<web_sys::BroadcastChannel>>>,
    /// What to add to the browser's clock, in seconds.
    clock_offset: i64,
}

impl Driver {
    /// Takes over the token of the page.
    pub(super) fn new(
        session: Session,
        grant: RwSignal<Option<TokenGrant>>,
        problem: RwSignal<Option<Refusal>>,
    ) -> Self {
        let difference = session.rendered_at - browser::unix_now();
        let clock_offset = if difference.abs() > CLOCK_TOLERANCE {
            difference
        } else {
            0
        };
        // A public token belongs to no session that could renew it.
        let renewable = session.viewer.with_untracked(Option::is_some);
        let now = browser::unix_now() + clock_offset;
        let renewal = match grant.get_untracked() {
            Some(grant) if renewable => Renewal::new(grant, now),
            None if session.standing.get_untracked() == Standing::Member => Renewal::missing(now),
            _ => Renewal::never(),
        };
        Self {
            session,
            grant,
            problem,
            renewal: StoredValue::new(renewal),
            timer: StoredValue::new(None),
            waiting: StoredValue::new(Vec::new()),
            channel: StoredValue::new(None),
            clock_offset,
        }
    }

    /// Listens and renews from now, when the page is alive, until it is left.
    pub(super) fn begin(self) {
        self.listen();
        self.join_tabs();
        self.drive();
    }

    pub(super) fn now(self) -> i64 {
        browser::unix_now() + self.clock_offset
    }

    /// Waits until the attempt that follows a refusal of `used` has ended.
    pub(super) async fn renewed(self, used: &str) {
        let wait = self
            .renewal
            .try_update_value(|renewal| renewal.refused(used))
            .unwrap_or(false);
        if wait {
            let (sender, receiver) = oneshot::channel();
            self.waiting.update_value(|waiting| waiting.push(sender));
            self.drive();
            // A dropped sender is an answer too: look at the token again.
            let _ = receiver.await;
        }
    }

    /// Drops the token here and tells the other tabs.
    pub(super) fn sign_out(self) {
        self.announce(&Announcement::SignedOut);
        self.forget();
    }

    /// Does what the renewal says is to be done now.
    fn drive(self) {
        let (now, online) = (self.now(), browser::is_online());
        let Some(step) = self
            .renewal
            .try_update_value(|renewal| renewal.step(now, online))
        else {
            return;
        };
        self.publish();
        match step {
            Step::Ask => spawn_local(self.ask()),
            Step::Sleep(seconds) => self.wake_after(seconds),
            Step::Wait => {}
        }
        if !self.renewal.with_value(Renewal::is_asking) {
            // Offline or at an end: nobody is to wait for what does not come.
            self.waiting.update_value(Vec::clear);
        }
    }

    /// One attempt: asks `web` for a token of this page's organization,
    /// whatever the other tabs have switched to.
    async fn ask(self) {
        let organization = self.session.viewer.with_untracked(|viewer| {
            viewer
                .as_ref()
                .and_then(|viewer| viewer.active_organization.clone())
        });
        let url = organization.map_or_else(
            || "/api/token".to_owned(),
            |slug| format!("/api/token?org={}", address::escape(&slug)),
        );
        let outcome = read_grant(browser::get(&url, None, &Abort::new()).await);
        let now = self.now();
        let over = self.renewal.try_update_value(|renewal| match outcome {
            Ok(grant) => {
                renewal.succeeded(grant, now);
                false
            }
            Err(refusal) => {
                renewal.failed(refusal, now);
                refusal == Refusal::SignedOut
            }
        });
        if over == Some(true) {
            self.sign_out();
        } else {
            self.drive();
        }
    }

    /// Shows components what the renewal holds, where it changed.
    fn publish(self) {
        let Some(renewal) = self.renewal.try_get_value() else {
            return;
        };
        // A public token is not the renewal's business.
        let signed_in = self.session.viewer.with_untracked(Option::is_some);
        if signed_in
            && self
                .grant
                .with_untracked(|grant| grant.as_ref() != renewal.grant())
        {
            self.grant.set(renewal.grant().cloned());
        }
        if self.problem.get_untracked() != renewal.problem() {
            self.problem.set(renewal.problem());
        }
    }

    /// Everything that belonged to the person goes.
    fn forget(self) {
        self.renewal.update_value(Renewal::end);
        self.grant.set(None);
        self.session.viewer.set(None);
        self.drive();
    }

    fn wake_after(self, seconds: i64) {
        let sleep = Duration::from_secs(u64::try_from(seconds).unwrap_or(1));
        let next = set_timeout_with_handle(move || self.drive(), sleep).ok();
        if let Some(Some(previous)) = self
            .timer
            .try_update_value(|timer| std::mem::replace(timer, next))
        {
            previous.clear();
        }
    }

    /// Timers stand still while a laptop sleeps and crawl in hidden tabs, so
    /// whatever brings the page back looks at the clock again.
    fn listen(self) {
        for event in ["focus", "pageshow", "visibilitychange", "offline"] {
            let handle = window_event_listener_untyped(event, move |_| self.drive());
            on_cleanup(move || handle.remove());
        }
        let handle = window_event_listener_untyped("online", move |_| {
            self.renewal.update_value(Renewal::hurry);
            self.session.reconnections.update(|count| *count += 1);
            self.drive();
        });
        on_cleanup(move || handle.remove());
    }

    /// Tells the other tabs who is here, and listens to them.
    fn join_tabs(self) {
        let Ok(channel) = web_sys::BroadcastChannel::new(CHANNEL) else {
            return;
        };
        let hear =
            Closure::<dyn Fn(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
                let text = event.data().as_string().unwrap_or_default();
                if let Some(announcement) = Announcement::decode(&text) {
                    self.hear(announcement);
                }
            });
        channel.set_onmessage(Some(hear.as_ref().unchecked_ref()));
        // It lives as long as the page does.
        hear.forget();
        self.channel.set_value(Some(SendWrapper::new(channel)));
        self.announce(
            &self
                .session
                .viewer
                .with_untracked(|viewer| Announcement::of(viewer.as_ref())),
        );
    }

    fn hear(self, announcement: Announcement) {
        let before = self.session.elsewhere.get_untracked();
        let heard = self
            .session
            .viewer
            .with_untracked(|viewer| announcement.heard_by(viewer.as_ref(), before.clone()));
        if heard == before {
            return;
        }
        if heard == Some(Elsewhere::SignedOut) {
            self.forget();
        }
        self.session.elsewhere.set(heard);
    }

    fn announce(self, announcement: &Announcement) {
        self.channel.with_value(|channel| {
            if let Some(channel) = channel {
                // It fails only when the channel is closed: nobody listens.
                let _ = channel.post_message(&JsValue::from_str(&announcement.encode()));
            }
        });
    }
}

/// Understands the answer of `GET /api/token`.
fn read_grant(answer: Result<TransportResponse, TransportError>) -> Result<TokenGrant, Refusal> {
    match answer {
        Ok(answer) if answer.status == 200 => {
            let grant = Json::parse(&answer.body).and_then(|json| TokenGrant::read(&json));
            grant.ok_or(Refusal::Failed)
        }
        Ok(answer) if answer.status == 401 => Err(Refusal::SignedOut),
        Ok(answer) if answer.status == 403 => Err(Refusal::NotAMember),
        Ok(answer) if answer.status == 503 => Err(Refusal::Unconfirmed),
        Ok(_) | Err(TransportError::Timeout) => Err(Refusal::Failed),
        Err(TransportError::Unreachable) => Err(Refusal::Offline),
    }
}
