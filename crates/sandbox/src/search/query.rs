//! The part of the [query syntax](https://auth0.com/docs/manage-users/user-search/user-search-query-syntax) that is served:
//! `field:value`, phrases, `*`, `_exists_`, AND, OR, NOT and parentheses.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::Value;

use crate::account::{Account, Identity, IdentityId};

/// Attributes that are searched without regard to case.
const CASELESS: [&str; 5] = ["email", "name", "given_name", "family_name", "nickname"];

/// How much of a value has to be given when its beginning is not.
const LEAST_SUFFIX: usize = 3;

/// How many levels a query may have: it is read by recursion.
const DEEPEST: usize = 100;

/// What can be asked about: it has values at paths.
pub(crate) trait Searched {
    /// Whether a value at this path passes the test.
    fn any_value(&self, path: &str, test: &mut dyn FnMut(&Value) -> bool) -> bool;
}

impl Searched for Value {
    fn any_value(&self, path: &str, test: &mut dyn FnMut(&Value) -> bool) -> bool {
        any_within(self, path, test)
    }
}

/// A question about a user, or about an entry of the log.
#[derive(Debug, PartialEq)]
pub(crate) enum Query {
    Everyone,
    /// The attribute at this path has a value that fits.
    Term(String, Pattern),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

/// What a value has to look like.
#[derive(Debug, PartialEq)]
pub(crate) enum Pattern {
    Anything,
    Exactly(String),
    /// The literal parts around each `*`.
    Parts(Vec<String>),
}

/// Why a query is not answered.
#[derive(Debug, PartialEq)]
pub(crate) enum Problem {
    Malformed(String),
    NotServed(String),
}

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let tokens = tokens(text)?;
        let deeper = |token: &&Token| matches!(token, Token::Open | Token::Not);
        if tokens.iter().filter(deeper).count() > DEEPEST {
            return Err(Problem::NotServed("a query so deep".into()));
        }
        let mut tokens = tokens.into_iter().peekable();
        if tokens.peek().is_none() {
            return Ok(Self::Everyone);
        }
        let query = any(&mut tokens)?;
        match tokens.next() {
            None => Ok(query),
            Some(Token::Close) => Err(Problem::Malformed("Unbalanced parenthesis in q".into())),
            Some(_) => Err(Problem::NotServed(
                "a query with terms side by side, without AND or OR,".into(),
            )),
        }
    }

    pub(crate) fn fits(&self, searched: &impl Searched) -> bool {
        match self {
            Self::Everyone => true,
            Self::Term(path, pattern) => {
                let caseless = CASELESS.contains(&path.as_str());
                searched.any_value(path, &mut |value| pattern.fits(&text(value), caseless))
            }
            Self::Not(query) => !query.fits(searched),
            Self::All(queries) => queries.iter().all(|query| query.fits(searched)),
            Self::Any(queries) => queries.iter().any(|query| query.fits(searched)),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Term(String, Pattern),
}

fn tokens(text: &str) -> Result<Vec<Token>, Problem> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.peek() {
        match next {
            ' ' | '\t' | '\n' | '\r' => {
                rest.next();
            }
            '(' => {
                rest.next();
                tokens.push(Token::Open);
            }
            ')' => {
                rest.next();
                tokens.push(Token::Close);
            }
            '-' => {
                rest.next();
                tokens.push(Token::Not);
            }
            _ => tokens.push(word(&mut rest)?),
        }
    }
    Ok(tokens)
}

fn word(rest: &mut Peekable<Chars<'_>>) -> Result<Token, Problem> {
    let mut field = String::new();
    while let Some(next) = rest.next_if(|next| !" \t\r\n():\"".contains(*next)) {
        field.push(next);
    }
    if rest.next_if_eq(&':').is_none() {
        return match field.as_str() {
            "AND" => Ok(Token::And),
            "OR" => Ok(Token::Or),
            "NOT" => Ok(Token::Not),
            _ => Err(Problem::NotServed("a term without a field".into())),
        };
    }
    if field.is_empty() {
        return Err(Problem::Malformed("A term of q has no field".into()));
    }
    let pattern = match rest.peek() {
        Some('"') => phrase(rest)?,
        Some('(' | '[' | '{' | '<' | '>') => {
            return Err(Problem::NotServed("a range or a group of values".into()));
        }
        _ => pattern(rest)?,
    };
    match (field.as_str(), pattern) {
        ("_exists_", Pattern::Exactly(field)) => Ok(Token::Term(field, Pattern::Anything)),
        (_, pattern) => Ok(Token::Term(field, pattern)),
    }
}

fn phrase(rest: &mut Peekable<Chars<'_>>) -> Result<Pattern, Problem> {
    rest.next();
    let mut phrase = String::new();
    loop {
        match rest.next() {
            Some('"') => return Ok(Pattern::Exactly(phrase)),
            Some('\\') => phrase.extend(rest.next()),
            Some(next) => phrase.push(next),
            None => return Err(Problem::Malformed("A phrase of q does not end".into())),
        }
    }
}

fn pattern(rest: &mut Peekable<Chars<'_>>) -> Result<Pattern, Problem> {
    let mut parts = vec![String::new()];
    while let Some(next) = rest.next_if(|next| !" \t\r\n()".contains(*next)) {
        let literal = match next {
            '*' => {
                parts.push(String::new());
                continue;
            }
            '?' | '~' | '^' => return Err(Problem::NotServed(format!("`{next}` in a value"))),
            '\\' => rest.next(),
            literal => Some(literal),
        };
        if let Some(part) = parts.last_mut() {
            part.extend(literal);
        }
    }
    let literals: usize = parts.iter().map(|part| part.chars().count()).sum();
    match parts.as_slice() {
        [whole] if whole.is_empty() => Err(Problem::Malformed("A field of q has no value".into())),
        [whole] => Ok(Pattern::Exactly(whole.clone())),
        _ if literals == 0 => Ok(Pattern::Anything),
        [first, ..] if first.is_empty() && literals < LEAST_SUFFIX => Err(Problem::Malformed(
            format!("A value of q that begins with * needs {LEAST_SUFFIX} characters more"),
        )),
        _ => Ok(Pattern::Parts(parts)),
    }
}

type Tokens = Peekable<std::vec::IntoIter<Token>>;

fn any(tokens: &mut Tokens) -> Result<Query, Problem> {
    let mut queries = vec![all(tokens)?];
    while tokens.next_if_eq(&Token::Or).is_some() {
        queries.push(all(tokens)?);
    }
    Ok(single(queries, Query::Any))
}

fn all(tokens: &mut Tokens) -> Result<Query, Problem> {
    let mut queries = vec![one(tokens)?];
    while tokens.next_if_eq(&Token::And).is_some() {
        queries.push(one(tokens)?);
    }
    Ok(single(queries, Query::All))
}

fn one(tokens: &mut Tokens) -> Result<Query, Problem> {
    match tokens.next() {
        Some(Token::Not) => Ok(Query::Not(Box::new(one(tokens)?))),
        Some(Token::Open) => {
            let query = any(tokens)?;
            match tokens.next() {
                Some(Token::Close) => Ok(query),
                _ => Err(Problem::Malformed("Unbalanced parenthesis in q".into())),
            }
        }
        Some(Token::Term(path, pattern)) => Ok(Query::Term(path, pattern)),
        _ => Err(Problem::Malformed("A term is missing in q".into())),
    }
}

fn single(mut queries: Vec<Query>, several: fn(Vec<Query>) -> Query) -> Query {
    match queries.len() {
        1 => queries.remove(0),
        _ => several(queries),
    }
}

impl Pattern {
    fn fits(&self, value: &str, caseless: bool) -> bool {
        let same = |text: &str| match caseless {
            true => text.to_lowercase(),
            false => text.to_owned(),
        };
        match self {
            Self::Anything => true,
            Self::Exactly(wanted) => same(wanted) == same(value),
            Self::Parts(parts) => {
                let (parts, value) = (parts.iter().map(|part| same(part)), same(value));
                in_order(&parts.collect::<Vec<_>>(), &value)
            }
        }
    }
}

/// Whether a value consists of these parts, with anything between them.
fn in_order(parts: &[String], value: &str) -> bool {
    let [first, inner @ .., last] = parts else {
        return false;
    };
    let Some(mut rest) = value.strip_prefix(first.as_str()) else {
        return false;
    };
    for part in inner {
        match rest.split_once(part.as_str()) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}

/// The first value at a path of a user.
pub(super) fn value(account: &Account, path: &str) -> Option<Value> {
    let mut first = None;
    account.any_value(path, &mut |value| {
        first = Some(value.clone());
        true
    });
    first
}

/// How a value is compared.
pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

impl Searched for Account {
    fn any_value(&self, path: &str, test: &mut dyn FnMut(&Value) -> bool) -> bool {
        let (first, rest) = split(path);
        match first {
            "user_id" => test(&(&*self.user_id).into()),
            "identities" => {
                let mut identities = self.identities.iter();
                identities.any(|identity| any_of_identity(identity, rest, test))
            }
            "updated_at" if self.updated_at.is_some() => self.updated_at.iter().any(test),
            "created_at" | "updated_at" if self.restored_at.is_some() => {
                let mut restored = self.restored_at.iter();
                restored.any(|date| test(&(&**date).into()))
            }
            _ => {
                let mut found = self.attribute(first).into_iter();
                found.any(|value| any_within(value, rest, test))
            }
        }
    }
}

fn any_of_identity(identity: &Identity, path: &str, test: &mut dyn FnMut(&Value) -> bool) -> bool {
    match split(path) {
        ("connection", "") => test(&(&*identity.connection).into()),
        ("provider", "") => test(&(&*identity.provider).into()),
        ("user_id", "") => test(&match &identity.user_id {
            IdentityId::Text(text) => (&**text).into(),
            IdentityId::Integer(number) => (*number).into(),
        }),
        ("isSocial", "") => identity
            .is_social
            .is_some_and(|social| test(&social.into())),
        ("profileData", rest) => {
            let (key, rest) = split(rest);
            let mut found = identity.profile.get(key).into_iter();
            found.any(|value| any_within(value, rest, test))
        }
        _ => false,
    }
}

fn any_within(value: &Value, path: &str, test: &mut dyn FnMut(&Value) -> bool) -> bool {
    match value {
        Value::Null => false,
        Value::Array(values) => values.iter().any(|value| any_within(value, path, test)),
        Value::Object(object) => {
            let (key, rest) = split(path);
            let mut found = object.get(key).into_iter();
            found.any(|value| any_within(value, rest, test))
        }
        _ => path.is_empty() && test(value),
    }
}

fn split(path: &str) -> (&str, &str) {
    path.split_once('.').unwrap_or((path, ""))
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Problem, Query};

    #[test]
    fn a_query_is_read_with_the_usual_precedence() {
        let term =
            |field: &str, value: &str| Query::Term(field.into(), Pattern::Exactly(value.into()));
        let table = [
            ("", Query::Everyone),
            (r#"a.b:"x y""#, term("a.b", "x y")),
            (r#"a:"say \"x\"""#, term("a", r#"say "x""#)),
            ("user_id:auth0|1", term("user_id", "auth0|1")),
            (
                "a:1 OR b:2 AND NOT c:3",
                Query::Any(vec![
                    term("a", "1"),
                    Query::All(vec![term("b", "2"), Query::Not(Box::new(term("c", "3")))]),
                ]),
            ),
            (
                "(a:1 OR b:2) AND -c:3",
                Query::All(vec![
                    Query::Any(vec![term("a", "1"), term("b", "2")]),
                    Query::Not(Box::new(term("c", "3"))),
                ]),
            ),
            ("_exists_:a", Query::Term("a".into(), Pattern::Anything)),
        ];
        for (text, query) in table {
            assert_eq!(Query::parse(text), Ok(query), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_and_what_is_not_served_are_told_apart() {
        for text in [
            "(a:1", "a:1)", "a:", ":1", "AND", "a:1 OR", r#"a:"x"#, "a:*io",
        ] {
            assert!(
                matches!(Query::parse(text), Err(Problem::Malformed(_))),
                "{text}"
            );
        }
        for text in [
            "jane",
            "a:[1 TO 2]",
            "a:(1 OR 2)",
            "a:jan~",
            "a:1 b:2",
            &"(".repeat(101),
        ] {
            assert!(
                matches!(Query::parse(text), Err(Problem::NotServed(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn wildcards_stand_for_anything() {
        for (pattern, value, fits) in [
            ("a:jan*", "jane", true),
            ("a:jan*", "Jane", false),
            ("email:JAN*", "jane", true),
            ("a:*ane", "jane", true),
            ("a:j*n*e", "jane", true),
            ("a:jane*e", "jane", false),
            ("a:*", "", true),
        ] {
            let Ok(Query::Term(path, pattern)) = Query::parse(pattern) else {
                panic!("{pattern} is a term");
            };
            assert_eq!(
                pattern.fits(value, path == "email"),
                fits,
                "{pattern:?} {value}"
            );
        }
    }
}
