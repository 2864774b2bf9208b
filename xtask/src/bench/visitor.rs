//! A visitor without scripts: follows redirects, keeps cookies, fills forms.
//! Enough to sign in the way a person does, so that the load is put on a real
//! session.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};

use super::http::{self, Connection};

/// A chain of redirects longer than this goes in circles.
const MOST_REDIRECTS: usize = 15;

/// Someone with a cookie jar.
#[derive(Debug, Default)]
pub(super) struct Visitor {
    cookies: BTreeMap<String, String>,
}

/// A page that was reached.
#[derive(Debug)]
pub(super) struct Page {
    /// Where it is, after all redirects.
    pub(super) url: String,
    /// Its status.
    pub(super) status: u16,
    /// Its HTML.
    pub(super) html: String,
}

/// A form of a page.
#[derive(Debug, PartialEq)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Visitor {
    /// Signs in at the embedded provider and returns the page that `web`
    /// leads to afterwards.
    pub(super) fn sign_in(
        &mut self,
        web: &str,
        return_to: &str,
        email: &str,
        password: &str,
    ) -> Result<Page> {
        let login = self.get(&format!("{web}/sign-in?return_to={}", encode(return_to)))?;
        let form = forms(&login.html)
            .into_iter()
            .find(|form| {
                let names = |name: &str| form.fields.iter().any(|(found, _)| found == name);
                names("email") && names("password")
            })
            .ok_or_else(|| {
                anyhow!(
                    "{} has no form to sign in with (status {})",
                    login.url,
                    login.status
                )
            })?;
        let mut fields = form.fields;
        for (name, value) in &mut fields {
            match name.as_str() {
                "email" => *value = email.to_owned(),
                "password" => *value = password.to_owned(),
                _ => {}
            }
        }
        let page = self.post(&resolve(&login.url, &form.action)?, &fields)?;
        if page.status != 200 || !page.url.ends_with(return_to) {
            bail!(
                "signing in as {email} ended at {} with status {}",
                page.url,
                page.status
            );
        }
        Ok(page)
    }

    /// The `Cookie` header for the jar.
    pub(super) fn cookie_header(&self) -> String {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn get(&mut self, url: &str) -> Result<Page> {
        self.follow(url.to_owned(), None)
    }

    fn post(&mut self, url: &str, fields: &[(String, String)]) -> Result<Page> {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        self.follow(url.to_owned(), Some(pairs.join("&")))
    }

    /// Sends a request and follows redirects; the form goes only with the first.
    fn follow(&mut self, mut url: String, mut form: Option<String>) -> Result<Page> {
        for _ in 0..MOST_REDIRECTS {
            let (origin, path) = split(&url)?;
            let host = origin.trim_start_matches("http://").to_owned();
            let cookies = self.cookie_header();
            let mut headers = vec![
                ("Accept", "text/html"),
                ("Cookie", cookies.as_str()),
                ("Connection", "close"),
            ];
            let request = match &form {
                None => http::get(&host, path, &headers),
                Some(body) => {
                    headers.push(("Content-Type", "application/x-www-form-urlencoded"));
                    headers.push(("Origin", origin));
                    headers.push(("Sec-Fetch-Site", "same-origin"));
                    http::request("POST", &host, path, &headers, body)
                }
            };
            let mut connection = Connection::open(&host)?;
            let answer = connection
                .send(&request)
                .with_context(|| format!("no answer from {origin}{path}"))?;
            for cookie in answer.headers("set-cookie") {
                keep(&mut self.cookies, cookie);
            }
            match answer.header("location") {
                Some(location) if (300..400).contains(&answer.status) => {
                    url = resolve(&url, location)?;
                    form = None;
                }
                _ => {
                    let html = String::from_utf8_lossy(&answer.body).into_owned();
                    return Ok(Page {
                        status: answer.status,
                        html,
                        url,
                    });
                }
            }
        }
        bail!("{url}: more than {MOST_REDIRECTS} redirects")
    }
}

/// Takes a `Set-Cookie` into the jar, or out of it.
fn keep(jar: &mut BTreeMap<String, String>, header: &str) {
    let mut parts = header.split(';').map(str::trim);
    let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
        return;
    };
    if parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
        jar.remove(name);
    } else {
        jar.insert(name.to_owned(), value.to_owned());
    }
}

/// `http://host:port` and the rest, which starts with a slash.
fn split(url: &str) -> Result<(&str, &str)> {
    let scheme = "http://";
    let rest = url
        .strip_prefix(scheme)
        .ok_or_else(|| anyhow!("`{url}` is not on plain http"))?;
    let end = scheme.len() + rest.find('/').unwrap_or(rest.len());
    let path = &url[end..];
    Ok((&url[..end], if path.is_empty() { "/" } else { path }))
}

/// An absolute URL or an absolute path, as seen from a page.
fn resolve(page: &str, reference: &str) -> Result<String> {
    if reference.starts_with("http://") {
        return Ok(reference.to_owned());
    }
    let (origin, path) = split(page)?;
    if reference.is_empty() {
        return Ok(page.to_owned());
    }
    if reference.starts_with('/') {
        return Ok(format!("{origin}{reference}"));
    }
    let folder = path
        .split('?')
        .next()
        .and_then(|path| path.rfind('/').map(|slash| &path[..=slash]));
    Ok(format!("{origin}{}{reference}", folder.unwrap_or("/")))
}

/// The forms of a page with the names and values of their inputs.
fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        match tag.split_whitespace().next() {
            Some("form") => {
                forms.push(Form {
                    action: attribute(tag, "action").unwrap_or_default(),
                    fields: Vec::new(),
                });
            }
            Some("input") => {
                if let (Some(form), Some(name)) = (forms.last_mut(), attribute(tag, "name")) {
                    form.fields
                        .push((name, attribute(tag, "value").unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    forms
}

/// The value of an attribute in double quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = &tag[start..];
    let value = &value[..value.find('"')?];
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

/// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3).
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                (byte as char).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_with_their_hidden_fields() {
        let html = r#"<form method="post" action="/idp/login?a=1&amp;b=2"><input type="hidden" name="ticket" value="t&quot;"/>
            <input name="email"><input name="password" type="password"></form>"#;
        let fields = [("ticket", "t\""), ("email", ""), ("password", "")];
        let fields = fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        assert_eq!(
            forms(html),
            [Form {
                action: "/idp/login?a=1&b=2".to_owned(),
                fields
            }]
        );
    }

    #[test]
    fn cookies_come_and_go() {
        let mut visitor = Visitor::default();
        keep(&mut visitor.cookies, "a=1; Path=/; HttpOnly");
        keep(&mut visitor.cookies, "b=2");
        keep(&mut visitor.cookies, "a=; Max-Age=0");
        assert_eq!(visitor.cookie_header(), "b=2");
    }

    #[test]
    fn references_are_resolved_against_the_page() {
        let page = "http://localhost:1/idp/login?x=/";
        assert_eq!(resolve(page, "/token").unwrap(), "http://localhost:1/token");
        assert_eq!(
            resolve(page, "next").unwrap(),
            "http://localhost:1/idp/next"
        );
        assert_eq!(resolve(page, "").unwrap(), page);
        assert_eq!(
            resolve(page, "http://127.0.0.1:2/b").unwrap(),
            "http://127.0.0.1:2/b"
        );
    }

    #[test]
    fn form_values_are_encoded() {
        assert_eq!(
            encode("ada@united.example /token"),
            "ada%40united.example%20%2Ftoken"
        );
    }
}
