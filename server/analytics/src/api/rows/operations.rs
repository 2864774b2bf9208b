//! Notes what requests do to data sources among the service data. Jobs note
//! theirs when they end.

use std::time::Instant;

use service::ApiError;

use crate::api::state::{Api, Named};
use crate::api::work::jobs::public_text;
use crate::ingest::Ingested;
use crate::service_data::Operation;
use datafile::DataSource;

/// An operation that has begun.
pub(crate) struct Noted {
    api: Api,
    started: Instant,
    operation: Operation,
}

impl Noted {
    /// Begins one; see [`Operation::event_type`].
    pub(crate) fn begin(
        api: &Api,
        event_type: &'static str,
        data_source: &Named<DataSource>,
    ) -> Self {
        Self {
            api: api.clone(),
            started: Instant::now(),
            operation: Operation {
                timestamp: api.clock().now().unix_timestamp(),
                event_type,
                datasource_id: data_source.id.clone(),
                datasource_name: data_source.item.name.clone(),
                request_id: service::current_request_id(),
                ..Operation::default()
            },
        }
    }

    /// Says by which id the rows' quarantine knows them.
    pub(crate) fn import(mut self, id: &str) -> Self {
        self.operation.import_id = Some(id.to_owned());
        self
    }

    /// Notes what came of it, and hands that on.
    pub(crate) fn end<Outcome>(
        self,
        outcome: Result<Outcome, ApiError>,
        rows: impl Fn(&Outcome) -> Option<Ingested>,
    ) -> Result<Outcome, ApiError> {
        let rows = outcome.as_ref().ok().and_then(rows);
        self.api.service_data().operation(Operation {
            elapsed_time: self.started.elapsed().as_secs_f64(),
            result: if outcome.is_ok() { "ok" } else { "error" },
            error: outcome.as_ref().err().map(public_text),
            rows: rows.map(|rows| rows.successful_rows),
            rows_quarantine: rows.map(|rows| rows.quarantined_rows),
            ..self.operation
        });
        outcome
    }
}
