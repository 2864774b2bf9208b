//! Who reads whom, as the engine's own parser and planner see it.

pub(super) mod analysis;
pub(super) mod expressions;
pub(super) mod lineage;
pub(super) mod mixing;
mod rules;
