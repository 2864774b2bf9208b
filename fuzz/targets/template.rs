//! Any text as a template, rendered with any text as its parameters: it parses
//! and renders or says why not, within its limits. Before the first NUL stands
//! the template; what follows, split at NULs, becomes the parameters' values.
#![no_main]

use analytics::template::{Parameters, RenderContext, Template};
use libfuzzer_sys::fuzz_target;

/// Names that the corpus' templates use.
const NAMES: [&str; 4] = ["a", "b", "org", "from"];

fuzz_target!(|text: &str| {
    let mut parts = text.split('\0');
    let Ok(template) = Template::parse(parts.next().unwrap_or_default()) else {
        return;
    };

    let mut parameters = Parameters::new();
    for (index, value) in parts.enumerate() {
        parameters.add(NAMES[index % NAMES.len()], value);
    }
    let context = RenderContext::default();
    let limit = context.limits.output;
    if let Ok(rendered) = template.render(&parameters, &context) {
        assert!(
            rendered.sql.len() <= limit,
            "more SQL than the limit allows"
        );
    }
    let validation = RenderContext {
        validation: true,
        ..RenderContext::default()
    };
    template.render(&Parameters::new(), &validation).ok();
});
