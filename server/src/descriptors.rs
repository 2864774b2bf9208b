//! File descriptors: the process takes as many as the system lets it have, and
//! takes no more connections than those are enough for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use service::ConnectionSettings;

/// Descriptors for what is no connection: the engine's files and queries, the
/// database, the log.
const OTHERS: u64 = 512;
/// Addresses that are listened on: web and analytics.
const ADDRESSES: u64 = 2;

/// Raises the limit to what the system allows, and lowers the connections to
/// what that is enough for.
pub(crate) fn raise_for(connections: &mut ConnectionSettings) {
    let allowed = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: allowed.maximum,
        ..allowed
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(error) => {
            tracing::warn!(%error, "the limit of file descriptors cannot be raised");
            allowed.current
        }
    };
    let most = most_connections(limit);
    if connections.most > most {
        tracing::warn!(
            most,
            "the system's limit of file descriptors allows fewer connections than `connections.most`"
        );
        connections.most = most;
    }
}

/// Connections to each address that a limit of descriptors is enough for; no
/// limit is enough for all.
fn most_connections(limit: Option<u64>) -> usize {
    let Some(limit) = limit else {
        return usize::MAX;
    };
    let connections = (limit.saturating_sub(OTHERS) / ADDRESSES).max(limit / 8);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_engine() {
        assert_eq!(most_connections(None), usize::MAX);
        assert_eq!(most_connections(Some(1024)), 256);
        assert_eq!(most_connections(Some(256)), 32);
        for limit in [64, 512, 1024, 4096, 1 << 20] {
            let connections = most_connections(Some(limit));
            let taken = ADDRESSES * u64::try_from(connections).unwrap();
            assert!(connections > 0 && taken < limit, "{limit}: {connections}");
        }
    }
}
