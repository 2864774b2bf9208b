//! How often somebody may try to sign in: after a few failures each further
//! attempt must wait longer, for the account and for the address it comes
//! from. Nobody is locked out: the wait has a ceiling.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::Extensions;
use http::HeaderMap;

use crate::secret;
use crate::store::{Store, StoreError};

/// What a kind of key allows.
struct Policy {
    /// Failures before the first wait.
    free: i64,
    /// The longest wait; seconds.
    longest_wait: i64,
    /// Failures are forgotten after this long without a further one; seconds.
    forget: i64,
}

const ACCOUNT: Policy = Policy {
    free: 3,
    longest_wait: 60,
    forget: 24 * 3600,
};
/// More generous: a whole office may share one address.
const ADDRESS: Policy = Policy {
    free: 20,
    longest_wait: 60,
    forget: 3600,
};

impl Policy {
    /// 1, 2, 4, 8 … seconds from the first failure that is not free.
    fn wait_after(&self, failures: i64) -> i64 {
        match failures - self.free {
            ..0 => 0,
            doublings => 1_i64
                .checked_shl(u32::try_from(doublings).unwrap_or(u32::MAX))
                .filter(|seconds| (1..self.longest_wait).contains(seconds))
                .unwrap_or(self.longest_wait),
        }
    }

    /// Never more than the whole wait, should the clock have been set back.
    fn remaining(&self, failures: i64, last_failed_at: i64, now: i64) -> i64 {
        let wait = self.wait_after(failures);
        (last_failed_at + wait - now).clamp(0, wait)
    }
}

/// One attempt that was let through and counts as failed until it succeeds.
#[derive(Debug)]
pub(crate) struct Attempt(Vec<Vec<u8>>);

/// Lets an attempt through, or says how many seconds it must wait. An account
/// that does not exist waits like one that does.
pub(crate) async fn begin(
    store: &Store,
    account: &str,
    address: Option<IpAddr>,
    now: i64,
) -> Result<Result<Attempt, i64>, StoreError> {
    let mut keys = vec![secret::digest(&format!("account {account}"))];
    keys.extend(address.map(|address| secret::digest(&format!("address {}", network(address)))));
    let policy = |place: usize| if place == 0 { &ACCOUNT } else { &ADDRESS };
    let refused = store
        .count_attempt(
            &keys,
            now,
            |place, failures, last| policy(place).remaining(failures, last, now),
            |place| now + policy(place).forget,
        )
        .await?;
    Ok(match refused {
        Some(seconds) => Err(seconds),
        None => Ok(Attempt(keys)),
    })
}

impl Attempt {
    /// The password was right: the account starts anew. The address only gets
    /// this attempt back, or an attacker's own account would clear its record.
    pub(crate) async fn succeeded(self, store: &Store) -> Result<(), StoreError> {
        let mut keys = self.0.into_iter();
        if let Some(account) = keys.next() {
            store.forget_attempts(&account).await?;
        }
        for address in keys {
            store.take_back_attempt(&address).await?;
        }
        Ok(())
    }
}

/// What counts as one place: an IPv4 address, or an IPv6 network of 64 bits,
/// which a single customer has whole.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Where a request comes from: the peer of the connection, or, if that is a
/// trusted proxy, the last address in `X-Forwarded-For` that is none.
pub(crate) fn client_address(
    extensions: &Extensions,
    headers: &HeaderMap,
    trusted_proxies: &[IpAddr],
) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let peer = peer.ip().to_canonical();
    let is_proxy = |address: &IpAddr| trusted_proxies.contains(address);
    if !is_proxy(&peer) {
        return Some(peer);
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    // From the right: what stands left of a proxy we trust, that proxy wrote;
    // what stands left of a stranger may be invented.
    let client = forwarded
        .into_iter()
        .rev()
        .map_while(|address| address.trim().parse::<IpAddr>().ok())
        .map(|address| address.to_canonical())
        .find(|address| !is_proxy(address));
    Some(client.unwrap_or(peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_the_third_failure_up_to_a_minute() {
        let waits: Vec<i64> = (0..12)
            .map(|failures| ACCOUNT.wait_after(failures))
            .collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(ACCOUNT.wait_after(i64::MAX), 60);
    }

    #[test]
    fn waiting_is_over_when_the_time_has_passed() {
        assert_eq!(ACCOUNT.remaining(5, 100, 100), 4);
        assert_eq!(ACCOUNT.remaining(5, 100, 103), 1);
        assert_eq!(ACCOUNT.remaining(5, 100, 200), 0);
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        assert_eq!(ACCOUNT.remaining(5, 9_000, 100), 4);
        assert_eq!(ACCOUNT.remaining(1, 9_000, 100), 0);
    }

    #[test]
    fn an_ipv6_customer_is_one_place() {
        let place = |text: &str| network(text.parse().unwrap());
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::9"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_eq!(place("::ffff:192.0.2.1"), "192.0.2.1");
    }

    fn address_of(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let mut extensions = Extensions::new();
        let peer: IpAddr = peer.parse().unwrap();
        extensions.insert(ConnectInfo(SocketAddr::new(peer, 1234)));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let proxies: Vec<IpAddr> = proxies.iter().map(|text| text.parse().unwrap()).collect();
        client_address(&extensions, &headers, &proxies)
            .unwrap()
            .to_string()
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
        let forged = ["203.0.113.9, 198.51.100.7"];
        assert_eq!(address_of("192.0.2.1", &forged, &[]), "192.0.2.1");
        assert_eq!(
            address_of("192.0.2.1", &forged, &["192.0.2.1"]),
            "198.51.100.7"
        );
        assert_eq!(
            address_of("192.0.2.1", &forged, &["192.0.2.1", "198.51.100.7"]),
            "203.0.113.9"
        );
        assert_eq!(
            address_of("192.0.2.1", &["nonsense, 198.51.100.7"], &["192.0.2.1"]),
            "198.51.100.7"
        );
    }
}
