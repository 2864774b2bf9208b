//! The analytics token of a session: asked of the mint, kept until it is
//! nearly used up, and put into the response headers.
//!
//! Which organization a person may act for is decided before, from the
//! memberships of their session, and whether those still hold, too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::session::TokenGrant;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use moka::sync::Cache;
use token::{Claims, Mint, MintError};

use crate::clock::Clock;
use crate::revocations::Revoked;
use crate::session::{Account, Handle, Membership};

/// The response header with the token.
const TOKEN: HeaderName = HeaderName::from_static("x-tinybird-token");

/// The response header with the name of the organization the token is for.
const ORGANIZATION: HeaderName = HeaderName::from_static("x-org-name");

/// Sessions in the cache; at about a kilobyte for each organization.
const CACHED: u64 = 20_000;

/// A session without a new token for this long loses its place in the cache:
/// its tokens have ended, or will without being watched.
const UNUSED: Duration = Duration::from_secs(60 * 60);

/// A token is renewed when less than this is left, in seconds, or less than a
/// fifth of its life, whichever is more.
const LEAST_LEFT: i64 = 60;

/// A longer token is not sent in a header: proxies hold all headers of an answer
/// to 4 KB unless they are told otherwise. It is in the body alone then.
const LONGEST_HEADER: usize = 2048;

/// The longest name of an organization in a header, in bytes.
const LONGEST_NAME: usize = 256;

/// Stands for "never" where a token has no expiry: the last second of 9999.
const NEVER: i64 = 253_402_300_799;

/// A token and what goes with it, ready to be sent.
#[derive(Debug)]
pub(crate) struct Grant {
    /// As the page and `GET /api/token` hand it out.
    pub(crate) token: TokenGrant,
    token_header: HeaderValue,
    organization_header: HeaderValue,
    renew_at: i64,
    /// What the token says; `None` for the public one.
    claims: Option<Claims>,
}

/// The tokens of one session by the organization's slug, which is empty for
/// none.
type BySlug = Arc<Mutex<BTreeMap<String, Arc<Grant>>>>;

/// Makes and keeps the tokens of one template.
#[derive(Debug)]
pub(crate) struct Grants {
    mint: Mint,
    cache: Cache<Handle, BySlug>,
    public: Option<Arc<Grant>>,
    revoked: Arc<Revoked>,
    /// Whether tokens are sent in headers, too.
    in_header: bool,
    clock: Clock,
}

/// The configured public token cannot be sent in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnfitPublicToken;

impl Grants {
    /// Tokens from `mint`, none of them among the `revoked`; visitors get
    /// `public_token`, if there is one.
    pub(crate) fn new(
        mint: Mint,
        public_token: Option<&str>,
        in_header: bool,
        revoked: Arc<Revoked>,
        clock: Clock,
    ) -> Result<Self, UnfitPublicToken> {
        Ok(Self {
            mint,
            cache: Cache::builder()
                .max_capacity(CACHED)
                .time_to_idle(UNUSED)
                .build(),
            public: public_token
                .map(|token| public_grant(token, in_header))
                .transpose()?
                .map(Arc::new),
            revoked,
            in_header,
            clock,
        })
    }

    /// The token of visitors who are not signed in.
    pub(crate) fn public(&self) -> Option<Arc<Grant>> {
        self.public.clone()
    }

    /// A token made before for this session and the organization `slug`, as
    /// long as it need not be renewed and is not revoked.
    pub(crate) fn kept(&self, handle: Handle, slug: Option<&str>) -> Option<Arc<Grant>> {
        let tokens = self.cache.get(&handle)?;
        let tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = tokens.get(slug.unwrap_or_default())?;
        let good = self.clock.now() < grant.renew_at
            && grant
                .claims
                .as_ref()
                .is_none_or(|claims| !self.revoked.now().refuse(claims));
        good.then(|| Arc::clone(grant))
    }

    /// A token for the person of a session, acting under `membership`; a recent
    /// one, if there is one.
    pub(crate) fn of(
        &self,
        handle: Handle,
        account: &Account,
        membership: Option<&Membership>,
    ) -> Result<Arc<Grant>, MintError> {
        let slug = membership.map(|each| each.slug.as_str());
        if let Some(grant) = self.kept(handle, slug) {
            return Ok(grant);
        }
        let grant = Arc::new(self.mint(account, membership, self.clock.now())?);
        self.cache
            .get_with(handle, BySlug::default)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(slug.unwrap_or_default().to_owned(), Arc::clone(&grant));
        Ok(grant)
    }

    /// Hands out none of a session's tokens any more.
    pub(crate) fn forget(&self, handle: Handle) {
        self.cache.invalidate(&handle);
    }

    /// The sessions with a token that has not ended.
    pub(crate) fn sessions(&self) -> Vec<Handle> {
        let now = self.clock.now();
        let lives = |tokens: &BySlug| {
            let tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.values().any(|grant| now < grant.token.expires_at)
        };
        self.cache
            .iter()
            .filter(|(_, tokens)| lives(tokens))
            .map(|(handle, _)| *handle)
            .collect()
    }

    fn mint(
        &self,
        account: &Account,
        membership: Option<&Membership>,
        now: i64,
    ) -> Result<Grant, MintError> {
        let subject = account.subject(membership);
        let mut minted = self.mint.mint(&subject, now)?;
        let revoked = self.revoked.now();
        if revoked.refuse(&minted.claims) {
            // What was revoked is what was signed up to then. This one is of
            // after it, so it must say so: to the second, it may not be yet.
            let name = &minted.claims.name;
            let until = revoked.until(minted.claims.sub.as_deref(), name);
            let after = until.map_or(now, |until| now.max(until.saturating_add(1)));
            minted = self.mint.mint(&subject, after)?;
        }
        let left = minted.expires_at - now;
        Ok(Grant {
            token_header: token_header(&minted.token, self.in_header)
                .expect("a JWT is base64url and dots"),
            organization_header: organization_header(membership.map(|each| each.name.as_str())),
            renew_at: minted.expires_at - LEAST_LEFT.max(left / 5),
            token: TokenGrant {
                token: minted.token,
                expires_at: minted.expires_at,
                org: membership.map(|each| each.slug.clone()),
            },
            claims: Some(minted.claims),
        })
    }
}

/// Writes the token headers; both are empty without a token.
pub(crate) fn write_headers(grant: Option<&Grant>, headers: &mut HeaderMap) {
    let (token, organization) = grant.map_or_else(
        || (HeaderValue::from_static(""), HeaderValue::from_static("")),
        |grant| {
            (
                grant.token_header.clone(),
                grant.organization_header.clone(),
            )
        },
    );
    headers.insert(TOKEN, token);
    headers.insert(ORGANIZATION, organization);
}

/// A token as a header; empty when it is not to be in one.
fn token_header(token: &str, in_header: bool) -> Result<HeaderValue, UnfitPublicToken> {
    let fits = in_header && token.len() <= LONGEST_HEADER;
    let header = HeaderValue::from_str(token).map_err(|_| UnfitPublicToken)?;
    Ok(if fits {
        header
    } else {
        HeaderValue::from_static("")
    })
}

fn public_grant(token: &str, in_header: bool) -> Result<Grant, UnfitPublicToken> {
    Ok(Grant {
        token_header: token_header(token, in_header)?,
        organization_header: HeaderValue::from_static(""),
        renew_at: NEVER,
        token: TokenGrant {
            token: token.to_owned(),
            expires_at: expiry(token).unwrap_or(NEVER),
            org: None,
        },
        claims: None,
    })
}

/// The `exp` of a JWT, unverified: the token is the operator's own.
fn expiry(token: &str) -> Option<i64> {
    let payload = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice::<serde_json::Value>(&claims)
        .ok()?
        .get("exp")?
        .as_i64()
}

/// A name as a header value: what is not printable ASCII is percent-encoded as
/// UTF-8, and so is the percent sign. A long name is cut.
fn organization_header(name: Option<&str>) -> HeaderValue {
    let mut text = String::new();
    for byte in name.unwrap_or_default().bytes() {
        if text.len() >= LONGEST_NAME {
            break;
        }
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    HeaderValue::from_str(&text).expect("printable ASCII is a header value")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};

    use crate::session::Profile;
    use token::{JwtTemplate, SigningKey};
    use tower_sessions::session::Id;

    const START: i64 = 1_800_000_000;

    fn grants(lifetime: i64) -> (Grants, Arc<AtomicI64>) {
        let template = format!(
            r#"{{"name": "t", "lifetime": {lifetime}, "claims": {{
                "workspace_id": "{{{{workspace.id}}}}", "name": "rookery_{{{{user.id}}}}",
                "scopes": [{{"type": "PIPES:READ", "resource": "p",
                             "fixed_params": {{"org": "{{{{org.slug}}}}"}}}}]}}}}"#
        );
        let key = SigningKey::hs256("a workspace admin token, long enough for HS256").unwrap();
        let mint = Mint::new(JwtTemplate::parse(&template).unwrap(), key, "w");
        let time = Arc::new(AtomicI64::new(START));
        let clock = {
            let time = Arc::clone(&time);
            Clock::new(move || time.load(Ordering::Relaxed))
        };
        (
            Grants::new(mint, None, true, Arc::default(), clock).unwrap(),
            time,
        )
    }

    fn session(id: i128) -> Handle {
        Handle::of(&Id(id))
    }

    fn membership(slug: &str, name: &str) -> Membership {
        Membership {
            id: slug.to_owned(),
            slug: slug.to_owned(),
            name: name.to_owned(),
            role: "member".to_owned(),
        }
    }

    fn account() -> Account {
        Account {
            issuer: "https://issuer.example".to_owned(),
            profile: Profile {
                subject: "user_1".to_owned(),
                name: "Cleo".to_owned(),
                ..Profile::default()
            },
            memberships: vec![membership("dl", "Delta"), membership("9e", "Endeavor")],
            active: Some("dl".to_owned()),
            signed_in_at: START,
        }
    }

    #[test]
    fn a_token_is_kept_per_session_and_organization() {
        let (grants, _) = grants(900);
        let account = account();
        let [delta, endeavor] = [0, 1].map(|index| Some(&account.memberships[index]));
        let first = grants.of(session(1), &account, delta).unwrap();
        assert_eq!(first.token.org.as_deref(), Some("dl"));
        assert_eq!(
            grants.of(session(1), &account, delta).unwrap().token,
            first.token
        );
        assert_ne!(
            grants.of(session(1), &account, endeavor).unwrap().token,
            first.token
        );
        assert_ne!(
            grants.of(session(2), &account, delta).unwrap().token,
            first.token
        );
    }

    #[test]
    fn a_token_is_renewed_when_a_fifth_of_its_life_is_left() {
        let (grants, time) = grants(900);
        let account = account();
        let delta = account.active_membership();
        let first = grants.of(session(1), &account, delta).unwrap();
        time.store(START + 719, Ordering::Relaxed);
        assert_eq!(
            grants.of(session(1), &account, delta).unwrap().token,
            first.token
        );
        time.store(START + 720, Ordering::Relaxed);
        let second = grants.of(session(1), &account, delta).unwrap();
        assert_eq!(second.token.expires_at, START + 720 + 900);
    }

    #[test]
    fn a_short_lived_token_is_renewed_a_minute_before_its_end() {
        let (grants, time) = grants(120);
        let account = account();
        let delta = account.active_membership();
        let first = grants.of(session(1), &account, delta).unwrap();
        time.store(START + 59, Ordering::Relaxed);
        assert_eq!(
            grants.of(session(1), &account, delta).unwrap().token,
            first.token
        );
        time.store(START + 60, Ordering::Relaxed);
        assert_ne!(
            grants.of(session(1), &account, delta).unwrap().token,
            first.token
        );
    }

    #[test]
    fn without_an_organization_there_is_no_token() {
        let (grants, _) = grants(900);
        let error = grants.of(session(1), &account(), None).unwrap_err();
        assert!(matches!(error, MintError::NoOrganization), "{error}");
    }

    #[test]
    fn any_name_fits_into_the_header() {
        assert_eq!(
            organization_header(Some("United Air Lines")),
            "United Air Lines"
        );
        assert_eq!(
            organization_header(Some("Größe 100%\n")),
            "Gr%C3%B6%C3%9Fe 100%25%0A"
        );
        assert_eq!(organization_header(None), "");
    }

    #[test]
    fn a_public_token_expires_when_it_says_so() {
        let grant = public_grant("p.opaque", true).unwrap();
        assert_eq!(grant.token.expires_at, NEVER);
        let jwt = format!("x.{}.y", URL_SAFE_NO_PAD.encode(r#"{"exp":1900000000}"#));
        assert_eq!(
            public_grant(&jwt, true).unwrap().token.expires_at,
            1_900_000_000
        );
        assert_eq!(
            public_grant("line\nbreak", true).unwrap_err(),
            UnfitPublicToken
        );
    }
}
