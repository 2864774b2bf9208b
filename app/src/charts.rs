//! Charts as SVG, rendered on the server and hydrated in the browser.
//!
//! The arithmetic (ticks, scales, paths, buckets) is in plain functions; the
//! component [`ColumnChart`] only draws what they return.

mod buckets;
pub mod column_chart;
mod geometry;
mod ticks;

pub use buckets::{Bucket, Granularity, bucket_days};
pub use column_chart::{ColumnChart, ColumnChartData, Mark};
