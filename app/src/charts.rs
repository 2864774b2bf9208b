//! Charts as SVG, the same text on the server and in the browser.
//!
//! The arithmetic (ticks, scales, paths, buckets) is in plain functions;
//! [`ColumnChartData::draw`] puts together what they return.

mod buckets;
mod column_chart;
mod geometry;
mod reader;
mod ticks;

pub use buckets::{Bucket, Granularity, bucket_days};
pub use column_chart::{ColumnChartData, Mark};
pub(crate) use reader::readable_chart;
