//! The title of the document. Not `leptos_meta`'s: that writes titles into the
//! HTML unescaped, and an organization's name is part of one.

/// The title of the page at a path, for a person who reads for an organization.
pub(crate) fn title(path: &str, organization: Option<&str>) -> String {
    match (path, organization) {
        ("/", _) => "Rookery: analytics for your customers, each seeing their own".to_owned(),
        ("/token", _) => "Token · Rookery".to_owned(),
        ("/dashboard", Some(organization)) => format!("{organization} · Rookery"),
        ("/dashboard", None) => "Dashboard · Rookery".to_owned(),
        _ => "Not found · Rookery".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_title() {
        assert_eq!(
            title("/dashboard", Some("Delta Air Lines")),
            "Delta Air Lines · Rookery"
        );
        assert_eq!(title("/dashboard", None), "Dashboard · Rookery");
        assert_eq!(
            title("/nowhere", Some("Delta Air Lines")),
            "Not found · Rookery"
        );
    }
}
