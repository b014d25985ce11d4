//! One line of NDJSON: a row, or a user of an export.

use std::borrow::Cow;

use memchr::memchr;
use serde::Deserialize;
use serde_json::value::RawValue;
use unlink::{IdentityKey, ProviderName};

use super::{
    Refusal,
    object::Object,
    record::{Exported, ExportedIdentity, IdText, Record},
};

/// Every key that means something, of either kind of line. Borrowed, so that what is not selected costs no copy.
#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    identity: Option<&'a RawValue>,
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    #[serde(borrow)]
    identity_user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    email: Option<&'a RawValue>,
    #[serde(borrow)]
    email_verified: Option<&'a RawValue>,
    #[serde(borrow)]
    blocked: Option<&'a RawValue>,
    #[serde(borrow)]
    identities: Option<Vec<Object<IdentityKeys<'a>>>>,
}

#[derive(Deserialize)]
struct IdentityKeys<'a> {
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    connection: Option<&'a RawValue>,
    #[serde(borrow, rename = "profileData")]
    profile: Option<Object<ProfileKeys<'a>>>,
}

#[derive(Deserialize)]
struct ProfileKeys<'a> {
    #[serde(borrow)]
    email: Option<&'a RawValue>,
    #[serde(borrow)]
    email_verified: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

pub(super) fn parse(line: &str) -> Result<Record<'_>, Refusal> {
    if !line.trim_start().starts_with('{') {
        return Err(Refusal::new(1, "not a JSON object"));
    }
    let Object(keys) =
        serde_json::from_str::<Object<Keys<'_>>>(line).map_err(|error| malformed(&error))?;
    let at = |value: &RawValue| value.get().as_ptr() as usize - line.as_ptr() as usize + 1;
    let Some(user_id) = keys.user_id else {
        return Err(Refusal::new(1, "user_id is missing"));
    };
    if let Some(identities) = keys.identities {
        return Ok(Record::User(Exported {
            user_id: text(user_id).ok_or_else(|| not_text(at(user_id), "user_id"))?,
            email: keys.email.and_then(text),
            email_verified: is_true(keys.email_verified),
            blocked: is_true(keys.blocked),
            line,
            identities: identities
                .into_iter()
                .map(|Object(identity)| exported(identity, at))
                .collect::<Result<_, _>>()?,
        }));
    }
    let user = text(user_id)
        .ok_or_else(|| not_text(at(user_id), "user_id"))?
        .parse()
        .map_err(|error| Refusal::new(at(user_id), error))?;
    let (key, column) = match (keys.identity, keys.provider, keys.identity_user_id) {
        (Some(identity), None, None) => {
            let key = text(identity)
                .ok_or_else(|| not_text(at(identity), "identity"))?
                .parse::<IdentityKey>()
                .map_err(|error| Refusal::new(at(identity), error))?;
            (key, at(identity))
        }
        (None, Some(provider), Some(id)) => {
            let name = text(provider)
                .ok_or_else(|| not_text(at(provider), "provider"))?
                .parse::<ProviderName>()
                .map_err(|error| Refusal::new(at(provider), error))?;
            let id_text = id_text(id).ok_or_else(|| not_id(at(id), "identity_user_id"))?;
            let parsed = id_text
                .text
                .parse()
                .map_err(|error| Refusal::new(at(id), error))?;
            (IdentityKey::new(name, parsed), at(provider))
        }
        (Some(identity), ..) => {
            let reason =
                "identity stands beside provider or identity_user_id: give one or the other";
            return Err(Refusal::new(at(identity), reason));
        }
        (None, None, None) => {
            let reason = "identity is missing, or provider and identity_user_id (or identities, in an export)";
            return Err(Refusal::new(1, reason));
        }
        (None, None, _) => return Err(Refusal::new(1, "provider is missing")),
        (None, _, None) => return Err(Refusal::new(1, "identity_user_id is missing")),
    };
    Ok(Record::Row(user, key, column))
}

fn exported<'a>(
    identity: IdentityKeys<'a>,
    at: impl Fn(&RawValue) -> usize,
) -> Result<ExportedIdentity<'a>, Refusal> {
    let (Some(provider), Some(id)) = (identity.provider, identity.user_id) else {
        let place = identity.provider.or(identity.user_id).map_or(1, &at);
        return Err(Refusal::new(
            place,
            "an identity lacks its provider or user_id",
        ));
    };
    let profile = identity.profile.as_ref().map(|Object(profile)| profile);
    Ok(ExportedIdentity {
        provider: text(provider).ok_or_else(|| not_text(at(provider), "provider"))?,
        user_id: id_text(id).ok_or_else(|| not_id(at(id), "user_id"))?,
        connection: identity.connection.and_then(text),
        email: profile.and_then(|profile| profile.email).and_then(text),
        email_verified: profile.is_some_and(|profile| is_true(profile.email_verified)),
    })
}

fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let raw = value.get();
    let within = raw
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    // Well-formed as it is, a text without escapes is what stands between its quotes.
    let text = match within {
        Some(within) if memchr(b'\\', within.as_bytes()).is_none() => Cow::Borrowed(within),
        Some(_) => serde_json::from_str::<Text<'_>>(raw).ok()?.0,
        None => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

fn id_text(value: &RawValue) -> Option<IdText<'_>> {
    let raw = value.get();
    if raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(IdText {
            text: raw.into(),
            is_integer: true,
        });
    }
    Some(IdText {
        text: text(value)?,
        is_integer: false,
    })
}

/// Some tenants hold the string `true`.
fn is_true(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| matches!(value.get(), "true" | "\"true\""))
}

fn not_text(column: usize, key: &str) -> Refusal {
    Refusal::new(column, format_args!("{key} is not a text, or empty"))
}

fn not_id(column: usize, key: &str) -> Refusal {
    Refusal::new(
        column,
        format_args!("{key} is neither a text nor an integer, or empty"),
    )
}

fn malformed(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    Refusal::new(error.column().max(1), reason)
}
