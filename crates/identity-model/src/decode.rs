//! Reads JSON in two steps, raw text first and types after, so that every refusal knows its place.

use std::fmt;

use serde_core::de::{Error as _, MapAccess, Visitor};
use serde_core::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::Zeroize;

use crate::DecodeError;
use crate::decode_error::Problem;
use crate::kept::Kept;

/// A place in a document, written out only when an error names it.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Root,
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// One value of a document that is known to be JSON, and its place.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    raw: &'a RawValue,
    path: &'a Path<'a>,
}

/// One object of a document.
pub(crate) struct Object<'a> {
    members: Vec<(String, &'a RawValue)>,
    path: &'a Path<'a>,
}

/// Reads a whole document.
pub(crate) fn document<'a, T>(
    json: &'a [u8],
    decode: impl FnOnce(Node<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    match serde_json::from_slice(json) {
        Ok(raw) => decode(Node {
            raw,
            path: &Path::Root,
        }),
        Err(error) => Err(DecodeError::new(&Path::Root, Problem::Syntax(error))),
    }
}

/// Reads a value from any deserializer of serde_json, with the same errors as [`document`].
pub(crate) fn through_raw<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    decode: impl FnOnce(Node<'_>) -> Result<T, DecodeError>,
) -> Result<T, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let decoded = decode(Node {
        raw: &raw,
        path: &Path::Root,
    })
    .map_err(D::Error::custom);
    // This copy is ours, and it may hold tokens.
    String::from(Box::<str>::from(raw)).zeroize();
    decoded
}

impl<'a> Node<'a> {
    pub(crate) fn keep(self) -> Kept {
        Kept::new(self.raw)
    }

    pub(crate) fn is_null(self) -> bool {
        self.raw.get() == "null"
    }

    pub(crate) fn is_string(self) -> bool {
        self.raw.get().starts_with('"')
    }

    /// The digits of an integer as written, which JSON allows no leading zero; `-0` is none.
    pub(crate) fn integer(self) -> Option<&'a str> {
        let text = self.raw.get();
        let digits = text.strip_prefix('-').unwrap_or(text);
        (digits.bytes().all(|byte| byte.is_ascii_digit()) && text != "-0").then_some(text)
    }

    pub(crate) fn problem(self, problem: Problem) -> DecodeError {
        DecodeError::new(self.path, problem)
    }

    pub(crate) fn unexpected(self, expected: &'static str) -> DecodeError {
        let found = match self.raw.get().as_bytes() {
            br#""""# => "an empty string",
            [b'"', ..] => "a string",
            [b'{', ..] => "an object",
            [b'[', ..] => "an array",
            [b't' | b'f', ..] => "a boolean",
            b"null" => "null",
            _ if self.integer().is_some() => "an integer",
            _ => "a number that is not a plain integer",
        };
        self.problem(Problem::Unexpected { expected, found })
    }

    pub(crate) fn text(self) -> Result<String, DecodeError> {
        if self.is_string() {
            self.typed()
        } else {
            Err(self.unexpected("a string"))
        }
    }

    pub(crate) fn boolean(self) -> Result<bool, DecodeError> {
        match self.raw.get() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.unexpected("a boolean")),
        }
    }

    pub(crate) fn object(self) -> Result<Object<'a>, DecodeError> {
        if !self.raw.get().starts_with('{') {
            return Err(self.unexpected("an object"));
        }
        let Members(members) = self.typed()?;
        Ok(Object {
            members,
            path: self.path,
        })
    }

    /// Each element of an array, read by `each` on its own.
    pub(crate) fn elements<T>(
        self,
        each: impl Fn(Node<'_>) -> T,
    ) -> Result<impl Iterator<Item = T>, DecodeError> {
        if !self.raw.get().starts_with('[') {
            return Err(self.unexpected("an array"));
        }
        let elements: Vec<&RawValue> = self.typed()?;
        Ok(elements.into_iter().enumerate().map(move |(index, raw)| {
            each(Node {
                raw,
                path: &Path::Index(self.path, index),
            })
        }))
    }

    /// For types whose kind was looked at before, so that nothing but a string's `\u` escapes is left to fail.
    fn typed<T: Deserialize<'a>>(self) -> Result<T, DecodeError> {
        serde_json::from_str(self.raw.get()).map_err(|_| self.problem(Problem::HalfSurrogate))
    }
}

impl<'a> Object<'a> {
    /// Hands on each member in the order of the document, repeated keys included.
    pub(crate) fn each(
        &self,
        mut each: impl FnMut(&str, Node<'_>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.members.iter().try_for_each(|(key, raw)| {
            each(
                key,
                Node {
                    raw,
                    path: &Path::Key(self.path, key),
                },
            )
        })
    }

    /// Reads the one member with this key.
    pub(crate) fn only<T>(
        &self,
        key: &str,
        decode: impl FnOnce(Node<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let path = &Path::Key(self.path, key);
        let mut found = self.members.iter().filter(|(name, _)| name == key);
        match (found.next(), found.next()) {
            (Some((_, raw)), None) => decode(Node { raw, path }),
            (Some(_), Some(_)) => Err(DecodeError::new(path, Problem::Repeated)),
            (None, _) => Err(DecodeError::new(path, Problem::Missing)),
        }
    }
}

/// The members of an object in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
