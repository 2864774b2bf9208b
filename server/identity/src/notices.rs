//! What relying parties are told without asking: that a session has ended
//! (OpenID Connect Back-Channel Logout 1.0), and that something about a person
//! has changed (a security event token of RFC 8417 with the event that CAEP 1.0
//! calls token-claims-change, pushed as in RFC 8935).
//!
//! A notice is sent in the background and again when it does not arrive. One
//! that never does is no harm done for long: relying parties ask at userinfo.

use std::time::Duration;

use http::header;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use crate::client::Client;
use crate::keys::{KeySet, SignError, TokenKind};
use crate::secret;
use crate::settings::SigningAlgorithm;

/// A client that takes longer to answer is asked again later.
const DEADLINE: Duration = Duration::from_secs(10);

/// The pauses between attempts, growing: a site that restarts is back within a
/// minute.
const PAUSES: [u64; 7] = [1, 1, 2, 4, 8, 16, 32];

/// A notice is good for this long, in seconds: longer than it is sent.
const LIFETIME: i64 = 120;

/// What happened, and which client is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) client_id: String,
    pub(crate) event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A session of a person at the provider has ended.
    SessionEnded { session: Vec<u8>, user_id: String },
    /// What is told of a person is no longer what it was.
    ClaimsChanged { user_id: String },
}

/// The name of a session in the claim `sid`: part of the digest of its id,
/// which opens nothing.
pub(crate) fn session_name(id_hash: &[u8]) -> String {
    secret::base64(id_hash.get(..16).unwrap_or(id_hash))
}

/// A signed notice on its way.
#[derive(Debug)]
struct Letter {
    client_id: String,
    address: String,
    content_type: &'static str,
    body: String,
}

/// Sends notices in the background.
#[derive(Debug)]
pub(crate) struct Outbox {
    letters: UnboundedSender<Letter>,
}

impl Outbox {
    /// An outbox, and the work that empties it.
    pub(crate) fn open(client: reqwest::Client) -> (Self, JoinHandle<()>) {
        let (letters, received) = unbounded_channel();
        (Self { letters }, tokio::spawn(deliver(client, received)))
    }

    /// Sends `event` to a client, if it wants to know of such.
    pub(crate) fn send(
        &self,
        issuer: &str,
        client: &Client,
        event: &Event,
        keys: &KeySet,
        algorithm: SigningAlgorithm,
    ) -> Result<(), SignError> {
        let (address, kind) = match event {
            Event::SessionEnded { .. } => (&client.backchannel_logout_uri, TokenKind::Logout),
            Event::ClaimsChanged { .. } => (&client.events_uri, TokenKind::SecurityEvent),
        };
        let Some(address) = address else {
            return Ok(());
        };
        let now = crate::unix_now();
        let token = keys.sign(algorithm, kind, &claims(issuer, client, event, now))?;
        let (content_type, body) = match kind {
            TokenKind::Logout => (
                "application/x-www-form-urlencoded",
                format!("logout_token={token}"),
            ),
            _ => ("application/secevent+jwt", token),
        };
        let letter = Letter {
            client_id: client.client_id.clone(),
            address: address.clone(),
            content_type,
            body,
        };
        // Only a provider that is shutting down no longer receives.
        self.letters.send(letter).ok();
        Ok(())
    }
}

fn claims(issuer: &str, client: &Client, event: &Event, now: i64) -> Value {
    let mut claims = json!({
        "iss": issuer,
        "aud": client.client_id,
        "iat": now,
        "jti": Uuid::new_v4().to_string(),
    });
    match event {
        Event::SessionEnded { session, user_id } => {
            claims["exp"] = json!(now + LIFETIME);
            claims["sub"] = json!(user_id);
            claims["sid"] = json!(session_name(session));
            claims["events"] = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
        }
        Event::ClaimsChanged { user_id } => {
            claims["sub_id"] = json!({"format": "iss_sub", "iss": issuer, "sub": user_id});
            claims["events"] = json!({
                "https://schemas.openid.net/secevent/caep/event-type/token-claims-change":
                    {"event_timestamp": now, "claims": {}},
            });
        }
    }
    claims
}

async fn deliver(client: reqwest::Client, mut letters: UnboundedReceiver<Letter>) {
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            letter = letters.recv() => match letter {
                Some(letter) => { under_way.spawn(carry(client.clone(), letter)); }
                None => break,
            },
            Some(_) = under_way.join_next() => {}
        }
    }
}

async fn carry(client: reqwest::Client, letter: Letter) {
    let mut failure = String::new();
    for pause in PAUSES {
        let sent = client
            .post(&letter.address)
            .header(header::CONTENT_TYPE, letter.content_type)
            .body(letter.body.clone())
            .timeout(DEADLINE)
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) if answer.status().is_client_error() => {
                let status = answer.status().as_u16();
                let client = letter.client_id;
                tracing::warn!(client, status, "a client does not accept a notice");
                return;
            }
            Ok(answer) => failure = format!("status {}", answer.status()),
            Err(error) => failure = crate::chain(&error.without_url()),
        }
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
    let client = letter.client_id;
    tracing::warn!(client, failure, "a notice could not be delivered");
}
