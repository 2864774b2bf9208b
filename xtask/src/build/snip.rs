//! Takes out of the module what no page can reach and no optimizer can know to
//! be unreachable, because it stands in tables of function pointers.

use walrus::{FunctionId, FunctionKind, LocalFunction, Module};

/// Leptos keeps a second way of taking over a view, for routes and islands
/// whose code is loaded late; `hydrate_body` takes the first. Each view has
/// such a function, an `async` one, whose body is this closure. Should a page
/// ever come here it stops at once, which the browser tests would show.
const NEVER_CALLED: &str = "hydrate_async::_$u7b$$u7b$closure$u7d$$u7d$";

/// The compiler makes one of functions that are alike, under one of their
/// names. Small functions may so bear the name and be called all the same.
const FEWEST_INSTRUCTIONS: u64 = 60;

/// Empties the functions that are never called, so that the optimizer drops
/// them and all that only they use.
pub(super) fn never_called(module: &mut Module) {
    let functions: Vec<FunctionId> = module
        .funcs
        .iter_local()
        .filter(|(id, function)| {
            let name = module.funcs.get(*id).name.as_deref();
            name.is_some_and(|name| name.contains(NEVER_CALLED))
                && function.size() >= FEWEST_INSTRUCTIONS
        })
        .map(|(id, _)| id)
        .collect();
    for id in functions {
        if let FunctionKind::Local(function) = &mut module.funcs.get_mut(id).kind {
            make_unreachable(function);
        }
    }
}

fn make_unreachable(function: &mut LocalFunction) {
    let body = function.entry_block();
    let mut body = function.builder_mut().instr_seq(body);
    body.instrs_mut().clear();
    body.unreachable();
}
