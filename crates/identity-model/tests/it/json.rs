//! JSON as text that the crate under test had no hand in, and strategies that make it.

use proptest::prelude::*;

/// A document that remembers how its numbers are written and in which order its keys come.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Scalar(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Writes the document with `space` between all tokens.
    pub(crate) fn text(&self, space: &str) -> String {
        let list = |open: &str, items: Vec<String>, close: &str| {
            format!(
                "{open}{space}{}{space}{close}",
                items.join(&format!("{space},{space}"))
            )
        };
        match self {
            Self::Scalar(text) => text.clone(),
            Self::Array(items) => list(
                "[",
                items.iter().map(|item| item.text(space)).collect(),
                "]",
            ),
            Self::Object(members) => {
                let member = |(key, value): &(String, Self)| {
                    format!("{}{space}:{space}{}", quoted(key), value.text(space))
                };
                list("{", members.iter().map(member).collect(), "}")
            }
        }
    }

    /// Drops the tokens of identity providers from an identity; a `null` is no token.
    pub(crate) fn without_tokens(mut self) -> Self {
        if let Self::Object(members) = &mut self {
            members.retain(|(key, value)| {
                !["access_token", "access_token_secret", "refresh_token"].contains(&&**key)
                    || matches!(value, Self::Scalar(text) if text == "null")
            });
        }
        self
    }
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Any text, often one that needs escapes.
pub(crate) fn string() -> impl Strategy<Value = Json> {
    prop_oneof![any::<String>(), r#"[ \\"a-z\n{}\[\],:]{0,12}"#]
        .prop_map(|text| Json::Scalar(quoted(&text)))
}

pub(crate) fn flag() -> impl Strategy<Value = Json> {
    prop_oneof![
        any::<bool>().prop_map(|flag| Json::Scalar(flag.to_string())),
        string()
    ]
}

/// An id of an identity: a string, or an integer of up to 61 digits.
pub(crate) fn id() -> impl Strategy<Value = Json> {
    let integer = "0|-?[1-9][0-9]{0,60}".prop_map(Json::Scalar);
    prop_oneof![non_empty(), integer]
}

pub(crate) fn non_empty() -> impl Strategy<Value = Json> {
    "\\PC{1,20}".prop_map(|text| Json::Scalar(quoted(&text)))
}

/// Any value, numbers beyond every machine type included.
pub(crate) fn value() -> BoxedStrategy<Json> {
    let number = r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?";
    let leaf = prop_oneof![
        prop_oneof![Just("null"), Just("true"), Just("false")]
            .prop_map(|word| Json::Scalar(word.into())),
        number.prop_map(Json::Scalar),
        string(),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(Json::Object),
        ]
    })
    .boxed()
}

/// An object with some of the known keys, `null` now and then, some others, in any order.
pub(crate) fn object(known: Vec<(&'static str, BoxedStrategy<Json>)>) -> BoxedStrategy<Json> {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let member = |(name, value): (&'static str, BoxedStrategy<Json>)| {
        let value = prop_oneof![4 => value, 1 => Just(Json::Scalar("null".into()))];
        prop::option::of(value).prop_map(move |value| Some((name.to_owned(), value?)))
    };
    let known: Vec<_> = known.into_iter().map(member).collect();
    let other = ("[a-z_]{0,8}", value())
        .prop_filter("a key that is not known", move |(name, _)| {
            !names.contains(&&**name)
        });
    (known, prop::collection::vec(other, 0..4))
        .prop_map(|(known, other)| known.into_iter().flatten().chain(other).collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(Json::Object)
        .boxed()
}
