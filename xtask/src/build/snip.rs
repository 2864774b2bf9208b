//! Takes out of the module what no page can reach and no optimizer can know to
//! be unreachable, because it stands in tables of function pointers.

use walrus::{FunctionKind, Module};

/// Leptos keeps a second way of taking over a view, for routes and islands
/// whose code is loaded late; `hydrate_body` takes the first. A fifth of the
/// module is this. Should a page ever come here it stops at once, which the
/// browser tests would show.
const NEVER_CALLED: &str = "hydrate_async";

/// Empties the functions that are never called, so that the optimizer drops
/// them and all that only they use.
pub(super) fn never_called(module: &mut Module) {
    let functions: Vec<_> = module
        .funcs
        .iter()
        .filter(|function| matches!(function.kind, FunctionKind::Local(_)))
        .filter(|function| {
            function
                .name
                .as_deref()
                .is_some_and(|name| name.contains(NEVER_CALLED))
        })
        .map(|function| function.id())
        .collect();
    for id in functions {
        let kind = &mut module.funcs.get_mut(id).kind;
        if let FunctionKind::Local(function) = kind {
            let body = function.entry_block();
            function.builder_mut().instr_seq(body).instrs_mut().clear();
            function.builder_mut().instr_seq(body).unreachable();
        }
    }
}
