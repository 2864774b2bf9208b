//! How much a rendering may do. A silly or hostile template, or a parameter
//! sent at a harmless one, ends with a clear error, never with a hang.

use super::fault::{Fault, Outcome};

/// The price of one evaluated node of the syntax tree.
const STEP: u64 = 16;

/// Bounds of one rendering.
#[derive(Debug, Clone, Copy)]
pub struct RenderLimits {
    /// Units of work: an evaluated operation costs 16, a byte of text or of a
    /// collection that is built, copied, compared or searched costs one.
    pub work: u64,
    /// Bytes of rendered SQL.
    pub output: usize,
}

impl Default for RenderLimits {
    /// A million operations and a megabyte of SQL: about a tenth of a second.
    fn default() -> Self {
        Self {
            work: 16 << 20,
            output: 1 << 20,
        }
    }
}

/// What is left of a rendering's limits.
#[derive(Debug)]
pub(super) struct Budget {
    work: u64,
    output: usize,
    /// Levels of the evaluator's own recursion.
    depth: usize,
}

/// How deep evaluation may recurse, lambdas that call each other included.
const MAX_DEPTH: usize = 120;

impl Budget {
    pub(super) fn new(limits: RenderLimits) -> Self {
        Self {
            work: limits.work,
            output: limits.output,
            depth: 0,
        }
    }

    /// Pays for one operation.
    pub(super) fn step(&mut self) -> Outcome<()> {
        self.spend(STEP)
    }

    /// Pays for handling `bytes` of values.
    pub(super) fn charge(&mut self, bytes: usize) -> Outcome<()> {
        self.spend(bytes as u64)
    }

    /// Pays for `count` operations at once.
    pub(super) fn steps(&mut self, count: usize) -> Outcome<()> {
        self.spend(STEP.saturating_mul(count as u64))
    }

    fn spend(&mut self, units: u64) -> Outcome<()> {
        match self.work.checked_sub(units) {
            Some(left) => {
                self.work = left;
                Ok(())
            }
            None => {
                self.work = 0;
                Err(Fault::limit(
                    "The template takes too many steps. Check its loops and the size of its parameters.",
                ))
            }
        }
    }

    /// Whether SQL of this length is still allowed.
    pub(super) fn check_output(&self, length: usize) -> Outcome<()> {
        match length > self.output {
            true => Err(Fault::limit(format!(
                "The rendered SQL is larger than {} bytes",
                self.output
            ))),
            false => Ok(()),
        }
    }

    /// Goes one level deeper; pair it with [`Self::leave`].
    pub(super) fn enter(&mut self) -> Outcome<()> {
        self.depth += 1;
        match self.depth > MAX_DEPTH {
            true => Err(Fault::limit(
                "The template's expressions are nested too deeply",
            )),
            false => Ok(()),
        }
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }
}
