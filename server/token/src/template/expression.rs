//! Shortcodes: their grammar, what they may name, and their values.
//!
//! ```text
//! shortcode = "{{" operand { "||" operand } "}}"
//! operand   = path | 'text' | number | true | false
//! path      = name { "." name }
//! ```

use serde_json::{Map, Value};
use thiserror::Error;

use super::TemplateError;
use super::subject::Subject;

/// A piece of JSON that may hold shortcodes.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// JSON without shortcodes.
    Static(Value),
    /// A text that is exactly one shortcode: the value keeps its type.
    Whole(Expression),
    /// A text with shortcodes in it: always a text.
    Text {
        claim: String,
        pieces: Vec<Piece>,
    },
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    Literal(String),
    Shortcode(Expression),
}

/// Operands of which the first that is neither null nor false counts; else the
/// last, whatever it is.
#[derive(Clone, Debug)]
pub(super) struct Expression(Vec<Operand>);

#[derive(Clone, Debug)]
enum Operand {
    Literal(Value),
    Field(Field),
}

/// Everything a path can name.
#[derive(Clone, Debug)]
enum Field {
    WorkspaceId,
    UserId,
    Username,
    FullName,
    FirstName,
    LastName,
    UserImage,
    EmailAddress,
    EmailVerified,
    UserMetadata(Vec<String>),
    OrganizationId,
    OrganizationSlug,
    OrganizationName,
    OrganizationImage,
    OrganizationMetadata(Vec<String>),
    Role,
    Permissions,
}

/// Why a template cannot be filled in for one subject.
#[derive(Debug, Error)]
pub(crate) enum RenderError {
    /// A shortcode inside a text has no value. Clerk prints `null` there, which
    /// would make one tenant of everybody without an organization.
    #[error("{0}: a shortcode in the text has no value; give it a fallback with `||`")]
    NullInText(String),
    /// The same, for want of an active organization.
    #[error("{0}: a shortcode in the text needs an active organization")]
    NoOrganization(String),
    /// A list or an object inside a text.
    #[error("{0}: only text, numbers and booleans can stand inside a text")]
    NotText(String),
}

impl Node {
    /// Parses the shortcodes of a JSON value. `claim` is where it stands.
    pub(super) fn parse(value: Value, claim: &mut String) -> Result<Self, TemplateError> {
        match value {
            Value::String(text) => parse_text(text, claim),
            Value::Array(items) => {
                let parse = |(index, item)| {
                    within(claim, &format!("[{index}]"), |claim| {
                        Self::parse(item, claim)
                    })
                };
                Ok(Self::Array(
                    items
                        .into_iter()
                        .enumerate()
                        .map(parse)
                        .collect::<Result<_, _>>()?,
                ))
            }
            Value::Object(members) => parse_members(members, claim).map(Self::Object),
            other => Ok(Self::Static(other)),
        }
    }

    /// The JSON with every shortcode filled in.
    pub(super) fn render(&self, resolved: &mut Resolved<'_>) -> Result<Value, RenderError> {
        match self {
            Self::Static(value) => Ok(value.clone()),
            Self::Whole(expression) => Ok(expression.value(resolved)),
            Self::Text { claim, pieces } => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Literal(literal) => text.push_str(literal),
                        Piece::Shortcode(expression) => match expression.value(resolved) {
                            Value::String(value) => text.push_str(&value),
                            value @ (Value::Number(_) | Value::Bool(_)) => {
                                text.push_str(&value.to_string());
                            }
                            Value::Null if resolved.lacks(expression) => {
                                return Err(RenderError::NoOrganization(claim.clone()));
                            }
                            Value::Null => return Err(RenderError::NullInText(claim.clone())),
                            _ => return Err(RenderError::NotText(claim.clone())),
                        },
                    }
                }
                Ok(Value::String(text))
            }
            Self::Array(items) => items.iter().map(|item| item.render(resolved)).collect(),
            Self::Object(members) => render_members(members, resolved).map(Value::Object),
        }
    }
}

/// Parses the members of an object, in their order.
pub(super) fn parse_members(
    members: Map<String, Value>,
    claim: &mut String,
) -> Result<Vec<(String, Node)>, TemplateError> {
    let parse = |(name, member): (String, Value)| {
        let step = if claim.is_empty() {
            name.clone()
        } else {
            format!(".{name}")
        };
        within(claim, &step, |claim| {
            if name.contains("{{") {
                return Err(shortcode_error(claim, &name, "a name cannot be filled in"));
            }
            Ok((name, Node::parse(member, claim)?))
        })
    };
    members.into_iter().map(parse).collect()
}

/// The object with every shortcode filled in.
pub(super) fn render_members(
    members: &[(String, Node)],
    resolved: &mut Resolved<'_>,
) -> Result<Map<String, Value>, RenderError> {
    members
        .iter()
        .map(|(name, member)| Ok((name.clone(), member.render(resolved)?)))
        .collect()
}

/// Runs `parse` with `step` appended to the claim's path.
fn within<T>(claim: &mut String, step: &str, parse: impl FnOnce(&mut String) -> T) -> T {
    let length = claim.len();
    claim.push_str(step);
    let parsed = parse(claim);
    claim.truncate(length);
    parsed
}

fn shortcode_error(claim: &str, text: &str, problem: &str) -> TemplateError {
    TemplateError::Shortcode {
        claim: claim.to_owned(),
        text: text.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Cuts a text into literals and shortcodes.
fn parse_text(text: String, claim: &str) -> Result<Node, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while let Some((literal, after)) = rest.split_once("{{") {
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned()));
        }
        let mut cursor = Cursor(after);
        let expression = cursor
            .expression()
            .map_err(|problem| shortcode_error(claim, &text, &problem))?;
        pieces.push(Piece::Shortcode(expression));
        rest = cursor.0;
    }
    if pieces.is_empty() {
        return Ok(Node::Static(Value::String(text)));
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    match <[Piece; 1]>::try_from(pieces) {
        Ok([Piece::Shortcode(expression)]) => Ok(Node::Whole(expression)),
        Ok([literal]) => Ok(Node::Text {
            claim: claim.to_owned(),
            pieces: vec![literal],
        }),
        Err(pieces) => Ok(Node::Text {
            claim: claim.to_owned(),
            pieces,
        }),
    }
}

/// What is left of a text while a shortcode is read from its front.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    /// Reads up to and including `}}`.
    fn expression(&mut self) -> Result<Expression, String> {
        let mut operands = vec![self.operand()?];
        loop {
            self.skip_whitespace();
            if self.take("}}") {
                return Ok(Expression(operands));
            }
            if !self.take("||") {
                return Err("expected `||` or `}}` after an operand".to_owned());
            }
            operands.push(self.operand()?);
        }
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.skip_whitespace();
        if self.take("'") {
            let (literal, rest) = self
                .0
                .split_once('\'')
                .ok_or("a text without closing `'`")?;
            self.0 = rest;
            return Ok(Operand::Literal(literal.into()));
        }
        let word = self.word();
        match word {
            "" => {
                Err("expected a name such as `user.id`, a 'text', a number, true or false".into())
            }
            "true" => Ok(Operand::Literal(true.into())),
            "false" => Ok(Operand::Literal(false.into())),
            _ if word.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
                serde_json::from_str(word)
                    .map(|number: serde_json::Number| Operand::Literal(number.into()))
                    .map_err(|_| format!("`{word}` is not a number"))
            }
            path => Field::named(path).map(Operand::Field),
        }
    }

    /// The longest run of characters that names and numbers are made of.
    fn word(&mut self) -> &'a str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    fn take(&mut self, token: &str) -> bool {
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn skip_whitespace(&mut self) {
        self.0 = self.0.trim_start();
    }
}

impl Field {
    fn named(path: &str) -> Result<Self, String> {
        let (root, field) = path.split_once('.').unwrap_or((path, ""));
        let below = |metadata: &str| -> Option<Vec<String>> {
            let keys = metadata.strip_prefix("public_metadata")?;
            if keys.is_empty() {
                return Some(Vec::new());
            }
            let keys: Vec<String> = keys
                .strip_prefix('.')?
                .split('.')
                .map(str::to_owned)
                .collect();
            keys.iter().all(|key| !key.is_empty()).then_some(keys)
        };
        let known = match (root, field) {
            ("workspace", "id") => Some(Self::WorkspaceId),
            ("user", "id") => Some(Self::UserId),
            ("user", "username") => Some(Self::Username),
            ("user", "full_name") => Some(Self::FullName),
            ("user", "first_name") => Some(Self::FirstName),
            ("user", "last_name") => Some(Self::LastName),
            ("user", "image_url") => Some(Self::UserImage),
            ("user", "primary_email_address") => Some(Self::EmailAddress),
            ("user", "email_verified") => Some(Self::EmailVerified),
            ("user", metadata) => below(metadata).map(Self::UserMetadata),
            ("org", "id") => Some(Self::OrganizationId),
            ("org", "slug") => Some(Self::OrganizationSlug),
            ("org", "name") => Some(Self::OrganizationName),
            ("org", "image_url") => Some(Self::OrganizationImage),
            ("org" | "org_membership", "role") => Some(Self::Role),
            ("org_membership", "permissions") => Some(Self::Permissions),
            ("org", metadata) => below(metadata).map(Self::OrganizationMetadata),
            ("org_membership" | "workspace", _) => None,
            _ => {
                return Err(format!(
                    "`{path}` starts with no known root; there are user, org, org_membership and \
                     workspace"
                ));
            }
        };
        known.ok_or_else(|| format!("`{root}` has no field `{field}`"))
    }

    fn is_of_organization(&self) -> bool {
        matches!(
            self,
            Self::OrganizationId
                | Self::OrganizationSlug
                | Self::OrganizationName
                | Self::OrganizationImage
                | Self::OrganizationMetadata(_)
                | Self::Role
                | Self::Permissions
        )
    }
}

/// The values that shortcodes take for one subject.
pub(super) struct Resolved<'a> {
    subject: &'a Subject,
    workspace_id: &'a str,
    /// Whether the value of some shortcode was missing for want of an active
    /// organization.
    pub(super) lacked_organization: bool,
}

impl<'a> Resolved<'a> {
    pub(super) fn new(subject: &'a Subject, workspace_id: &'a str) -> Self {
        Self {
            subject,
            workspace_id,
            lacked_organization: false,
        }
    }

    /// Whether the expression names an organization's field and none is active.
    fn lacks(&self, expression: &Expression) -> bool {
        let is_of_organization = |operand: &Operand| matches!(operand, Operand::Field(field) if field.is_of_organization());
        self.subject.organization.is_none() && expression.0.iter().any(is_of_organization)
    }

    fn value(&mut self, field: &Field) -> Value {
        let user = &self.subject.user;
        let organization = self.subject.organization.as_ref();
        if organization.is_none() && field.is_of_organization() {
            self.lacked_organization = true;
        }
        match field {
            Field::WorkspaceId => self.workspace_id.into(),
            Field::UserId => user.id.as_str().into(),
            Field::Username => user.username.clone().into(),
            Field::FullName => user.full_name.clone().into(),
            Field::FirstName => user.first_name.clone().into(),
            Field::LastName => user.last_name.clone().into(),
            Field::UserImage => user.image_url.clone().into(),
            Field::EmailAddress => user.primary_email_address.clone().into(),
            Field::EmailVerified => user.email_verified.into(),
            Field::UserMetadata(keys) => metadata(&user.public_metadata, keys),
            Field::OrganizationId => organization.map(|org| org.id.clone()).into(),
            Field::OrganizationSlug => organization.map(|org| org.slug.clone()).into(),
            Field::OrganizationName => organization.map(|org| org.name.clone()).into(),
            Field::OrganizationImage => organization.and_then(|org| org.image_url.clone()).into(),
            Field::OrganizationMetadata(keys) => {
                organization.map_or(Value::Null, |org| metadata(&org.public_metadata, keys))
            }
            Field::Role => organization.and_then(|org| org.role.clone()).into(),
            Field::Permissions => organization.map(|org| org.permissions.clone()).into(),
        }
    }
}

fn metadata(root: &Map<String, Value>, keys: &[String]) -> Value {
    let Some((first, rest)) = keys.split_first() else {
        return Value::Object(root.clone());
    };
    let mut value = root.get(first);
    for key in rest {
        value = value.and_then(|object| object.get(key));
    }
    value.cloned().unwrap_or_default()
}

impl Expression {
    fn value(&self, resolved: &mut Resolved<'_>) -> Value {
        let mut value = Value::Null;
        for operand in &self.0 {
            value = match operand {
                Operand::Literal(literal) => literal.clone(),
                Operand::Field(field) => resolved.value(field),
            };
            if !matches!(value, Value::Null | Value::Bool(false)) {
                break;
            }
        }
        value
    }
}
