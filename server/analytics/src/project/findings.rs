//! What is wrong with a project and where: names, the place of the engine's
//! complaints in a file, and the report for people; and what was found good.

pub(super) mod locate;
pub(super) mod names;
pub(super) mod report;
pub(super) mod verdicts;
