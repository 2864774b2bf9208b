//! The directory file `identity.toml`: people, organizations and memberships.
//! Its format is documented at the top of `demo/identity.toml`.
//!
//! Reading and checking is here; what becomes of it in the tables is in
//! [`crate::store`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::notices::Notice;
use crate::password;
use crate::store::{OrganizationRow, PersonRow, Store, StoreError};

/// The directory file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The system refuses.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key or a value that does not belong.
    #[error("{path}: {problem}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        problem: String,
    },
    /// It contradicts itself or asks for something unsafe.
    #[error("{path}: {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// Whom it concerns, and what to change.
        problem: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Directory {
    #[serde(default, rename = "organization")]
    organizations: Vec<OrganizationEntry>,
    #[serde(default, rename = "person")]
    people: Vec<PersonEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganizationEntry {
    id: Option<String>,
    slug: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonEntry {
    id: Option<String>,
    email: String,
    name: String,
    username: Option<String>,
    #[serde(default = "yes")]
    email_verified: bool,
    #[serde(default)]
    organizations: BTreeMap<String, String>,
    password_hash: Option<String>,
    password: Option<String>,
}

fn yes() -> bool {
    true
}

/// A checked directory file.
#[derive(Debug)]
pub(crate) struct DirectoryFile(Directory);

impl DirectoryFile {
    /// Reads and checks the file. `demo` says whether passwords in plain text
    /// are allowed here.
    pub(crate) fn read(path: &Path, demo: bool) -> Result<Self, DirectoryError> {
        let text = std::fs::read_to_string(path).map_err(|source| DirectoryError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text, demo)
    }

    fn parse(path: &Path, text: &str, demo: bool) -> Result<Self, DirectoryError> {
        let mut directory: Directory =
            toml::from_str(text).map_err(|error| DirectoryError::Syntax {
                path: path.to_owned(),
                problem: describe(text, &error),
            })?;
        for person in &mut directory.people {
            person.email = normalize(&person.email);
        }
        check(&directory, demo).map_err(|problem| DirectoryError::Content {
            path: path.to_owned(),
            problem,
        })?;
        Ok(Self(directory))
    }

    /// Makes the tables say what the file says. Returns what clients are to know
    /// of it.
    pub(crate) async fn apply(self, store: &Store) -> Result<Vec<Notice>, StoreError> {
        let organizations: Vec<OrganizationRow> = self
            .0
            .organizations
            .into_iter()
            .map(|entry| OrganizationRow {
                id: entry.id,
                slug: entry.slug,
                name: entry.name,
            })
            .collect();
        let mut people = Vec::with_capacity(self.0.people.len());
        for entry in self.0.people {
            people.push(person_row(store, entry).await?);
        }
        store.replace_directory(&organizations, &people).await
    }
}

/// An e-mail address as it is compared and kept.
pub(crate) fn normalize(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The parser's message with its line, without the line's text: it may hold a
/// password.
fn describe(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| {
        text.get(..span.start)
            .map_or(1, |before| before.matches('\n').count() + 1)
    });
    format!("line {line}: {}", error.message())
}

async fn person_row(store: &Store, entry: PersonEntry) -> Result<PersonRow, StoreError> {
    let demo = entry.password.is_some();
    let password_hash = match entry.password {
        Some(password) => Some(demo_hash(store, &entry.email, &password).await?),
        None => entry.password_hash,
    };
    Ok(PersonRow {
        id: entry.id,
        email: entry.email,
        email_verified: entry.email_verified,
        name: entry.name,
        preferred_username: entry.username,
        password_hash,
        demo,
        roles: entry.organizations,
    })
}

/// The hash that is stored already, as long as it is of this password: a new
/// one would end the person's sessions at every start.
async fn demo_hash(store: &Store, email: &str, password: &str) -> Result<String, StoreError> {
    let stored = store.credentials(email).await?.and_then(|(_, hash)| hash);
    match stored {
        Some(hash) if password::verify(password, &hash) => Ok(hash),
        _ => Ok(password::hash_demo(password).expect("the length and the cost were checked")),
    }
}

fn check(directory: &Directory, demo: bool) -> Result<(), String> {
    let mut slugs = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for organization in &directory.organizations {
        let whom = format!("organization `{}`", organization.slug);
        check_slug(&organization.slug).map_err(|problem| format!("{whom}: {problem}"))?;
        check_name(&organization.name).map_err(|problem| format!("{whom}: {problem}"))?;
        check_id(organization.id.as_deref(), "org_", &mut ids)
            .map_err(|problem| format!("{whom}: {problem}"))?;
        if !slugs.insert(organization.slug.as_str()) {
            return Err(format!("{whom} is there twice"));
        }
    }
    let mut emails = BTreeSet::new();
    for person in &directory.people {
        let whom = format!("person `{}`", person.email);
        check_person(person, &slugs, demo).map_err(|problem| format!("{whom}: {problem}"))?;
        check_id(person.id.as_deref(), "user_", &mut ids)
            .map_err(|problem| format!("{whom}: {problem}"))?;
        if !emails.insert(person.email.as_str()) {
            return Err(format!("{whom} is there twice"));
        }
    }
    Ok(())
}

fn check_person(person: &PersonEntry, slugs: &BTreeSet<&str>, demo: bool) -> Result<(), String> {
    let has_at = person
        .email
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if !has_at || person.email.contains(char::is_whitespace) {
        return Err("`email` must be an e-mail address".to_owned());
    }
    check_name(&person.name)?;
    for (slug, role) in &person.organizations {
        if !slugs.contains(slug.as_str()) {
            return Err(format!("there is no organization with the slug `{slug}`"));
        }
        if role.is_empty() || role.contains(char::is_whitespace) {
            return Err(format!(
                "the role in `{slug}` must be one word, such as \"member\""
            ));
        }
    }
    match (&person.password, &person.password_hash) {
        (Some(_), Some(_)) => Err("has both `password` and `password_hash`; keep one".to_owned()),
        (Some(_), None) if !demo => Err(
            "has a password in plain text, which is for demo accounts on loopback only: give \
             `password_hash`, or listen on loopback with identity.demo_accounts on"
                .to_owned(),
        ),
        (Some(password), None) if password.len() > 1024 => {
            Err("`password` must not be longer than 1024 bytes".to_owned())
        }
        (None, Some(hash)) if !password::is_hash(hash) => {
            Err("`password_hash` must be an Argon2id PHC string, `$argon2id$v=19$…`".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_slug(slug: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: u8| allowed(byte) || byte == b'-' || byte == b'_';
    let fits =
        slug.len() <= 63 && slug.bytes().next().is_some_and(allowed) && slug.bytes().all(inner);
    if fits {
        Ok(())
    } else {
        Err("`slug` must be a-z, 0-9, - and _, begin with a letter or digit, and have at most 63")
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.trim().is_empty() {
        return Err("`name` must not be empty");
    }
    Ok(())
}

/// Subjects are at most 255 ASCII characters (OpenID Connect Core, section 2).
fn check_id<'a>(
    id: Option<&'a str>,
    prefix: &str,
    seen: &mut BTreeSet<&'a str>,
) -> Result<(), String> {
    let Some(id) = id else { return Ok(()) };
    let rest = id.strip_prefix(prefix).unwrap_or_default();
    let fits = !rest.is_empty()
        && id.len() <= 255
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !fits {
        return Err(format!(
            "`id` must be `{prefix}` and then letters, digits, - and _"
        ));
    }
    if !seen.insert(id) {
        return Err(format!("the id `{id}` is there twice"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, demo: bool) -> Result<DirectoryFile, DirectoryError> {
        DirectoryFile::parse(Path::new("identity.toml"), text, demo)
    }

    fn problem(text: &str) -> String {
        parse(text, true).unwrap_err().to_string()
    }

    const ADA: &str = "[[person]]\nemail = 'ada@united.example'\nname = 'Ada'\n";

    #[test]
    fn the_demo_directory_has_every_airline_and_the_four_people() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/identity.toml");
        let DirectoryFile(directory) = DirectoryFile::read(Path::new(path), true).unwrap();
        assert_eq!(directory.organizations.len(), 16);
        let roles = |email: &str| {
            let person = directory.people.iter().find(|person| person.email == email);
            person.unwrap().organizations.clone()
        };
        let one = |slug: &str, role: &str| (slug.to_owned(), role.to_owned());
        assert_eq!(
            roles("ada@united.example"),
            BTreeMap::from([one("ua", "admin")])
        );
        assert_eq!(
            roles("ben@jetblue.example"),
            BTreeMap::from([one("b6", "member")])
        );
        assert_eq!(
            roles("cleo@delta.example"),
            BTreeMap::from([one("dl", "admin"), one("9e", "member")])
        );
        assert_eq!(roles("dan@nowhere.example"), BTreeMap::new());
        assert!(
            directory
                .people
                .iter()
                .all(|person| person.password.as_deref() == Some("rookery-demo"))
        );
    }

    #[test]
    fn a_password_in_plain_text_is_refused_off_loopback_without_repeating_it() {
        let text = format!("{ADA}password = 'hunter2'\n");
        assert!(parse(&text, true).is_ok());
        let error = parse(&text, false).unwrap_err().to_string();
        assert!(error.contains("ada@united.example") && error.contains("password_hash"));
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_not_its_text() {
        let error = problem(&format!("{ADA}pasword = 'hunter2'\n"));
        assert!(
            error.contains("line 4") && error.contains("pasword"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let organization = "[[organization]]\nslug = 'ua'\nname = 'United'\n";
        for (text, expected) in [
            (
                format!("{ADA}organizations = {{ ua = 'admin' }}"),
                "no organization",
            ),
            (format!("{ADA}{}", ADA.replace("ada@", "ADA@")), "twice"),
            (format!("{organization}{organization}"), "twice"),
            (organization.replace("'ua'", "'United Airlines'"), "slug"),
            (ADA.replace("ada@united.example", "ada"), "e-mail"),
            (ADA.replace("'Ada'", "' '"), "name"),
            (format!("{ADA}id = 'ada'"), "`user_`"),
            (format!("{ADA}password_hash = 'rookery-demo'"), "Argon2id"),
            (
                format!("{organization}{ADA}organizations = {{ ua = '' }}"),
                "role",
            ),
        ] {
            let error = problem(&text);
            assert!(error.contains(expected), "{error} lacks {expected}");
        }
    }
}
