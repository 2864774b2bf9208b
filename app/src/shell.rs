//! The document around the interface: head, assets, theme.

use std::{path::Path, sync::OnceLock};

use leptos::{nonce::use_nonce, prelude::*};
use leptos_router::location::RequestUrl;

use crate::{
    App,
    session::{PageContext, Viewer},
    title::title,
};

/// The HTML document that `web` renders for every page.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let page = use_context::<PageContext>().unwrap_or_default();
    let title = title_of(&page);
    let theme = page.theme;
    // Only what the style sheet knows: the value comes from a cookie.
    let theme = theme.filter(|theme| theme == "dark" || theme == "light");
    let assets = Assets::of(&options);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <title>{title}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" id="rookery" href=assets.style.clone() />
                {hydration(assets)}
                <AutoReload options />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

fn title_of(page: &PageContext) -> String {
    let address = use_context::<RequestUrl>().unwrap_or_default();
    let path = address
        .parse()
        .map(|address| address.path().to_owned())
        .unwrap_or_default();
    let organization = page.viewer.as_ref().and_then(Viewer::active);
    title(
        &path,
        organization.map(|organization| organization.name.as_str()),
    )
}

/// Loads the wasm and takes over the page. Written here rather than with
/// `HydrationScripts`, which puts the nonce into the `crossorigin` attributes
/// (leptos issue 4843) and reads the names of the files from disk for every
/// page.
fn hydration(assets: &'static Assets) -> impl IntoView {
    let Assets { script, wasm, .. } = assets;
    let start = format!(
        "import init, {{ hydrate }} from {script:?};\nawait init({{ module_or_path: {wasm:?} }});\nhydrate();"
    );
    view! {
        <link rel="modulepreload" href=script.clone() nonce=use_nonce() />
        <link rel="preload" href=wasm.clone() r#as="fetch" r#type="application/wasm" crossorigin="" />
        <script type="module" nonce=use_nonce()>
            {start}
        </script>
    }
}

/// The addresses of the files that the build made.
#[derive(Debug)]
struct Assets {
    script: String,
    style: String,
    wasm: String,
}

impl Assets {
    /// Reads the names once: they belong to the build and do not change while
    /// the process runs.
    fn of(options: &LeptosOptions) -> &'static Self {
        static ASSETS: OnceLock<Assets> = OnceLock::new();
        ASSETS.get_or_init(|| {
            let hashes = if options.hash_files {
                read_hashes(&options.hash_file)
            } else {
                String::new()
            };
            Self::new(&options.site_pkg_dir, &options.output_name, &hashes)
        })
    }

    /// `hashes` holds lines such as `js: abc`, one for each kind of file; a
    /// kind without a line has no hash in its name.
    fn new(directory: &str, stem: &str, hashes: &str) -> Self {
        let address = |kind: &str| {
            let hash = hashes.lines().find_map(|line| {
                let (name, hash) = line.split_once(':')?;
                (name.trim() == kind).then(|| format!(".{}", hash.trim()))
            });
            format!("/{directory}/{stem}{}.{kind}", hash.unwrap_or_default())
        };
        Self {
            script: address("js"),
            style: address("css"),
            wasm: address("wasm"),
        }
    }
}

/// The build leaves the hashes beside the server's executable; without them
/// the plain names are tried.
fn read_hashes(file: &str) -> String {
    let executable = std::env::current_exe().unwrap_or_default();
    let directory = executable.parent().unwrap_or(Path::new(""));
    std::fs::read_to_string(directory.join(file)).unwrap_or_else(|error| {
        leptos::logging::error!("no file hashes in {}: {error}", directory.display());
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_names_come_from_the_build() {
        let assets = Assets::new("pkg", "rookery", "js: abc\ncss: def\nwasm: 012\n");
        assert_eq!(assets.script, "/pkg/rookery.abc.js");
        assert_eq!(assets.style, "/pkg/rookery.def.css");
        assert_eq!(assets.wasm, "/pkg/rookery.012.wasm");
        assert_eq!(Assets::new("pkg", "rookery", "").wasm, "/pkg/rookery.wasm");
    }
}
