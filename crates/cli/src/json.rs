//! The documents that `--json` prints, one to a line.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;
use unlink::{
    Identity, IdentityKey, IdentityUserId, ListedIdentity, ProfileData, ProviderName, Receipt,
    User, UserId,
};

use crate::{exit::Kind, failure::Failure, text::steers};

/// A document on one line, with nothing in it that could steer a terminal.
pub(crate) fn line(document: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string(document).map_err(|error| {
        Failure::new(Kind::File, "the result cannot be written as JSON").because(&error)
    })?;
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        // Left in JSON by its writer: DEL, C1 and the like, all of which one \u names.
        if steers(c) {
            line += &format!("\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    Ok(line)
}

/// The first whole second that is not before `time`.
pub(crate) fn not_before(time: SystemTime) -> Option<String> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let seconds = since.as_secs() + u64::from(since.subsec_nanos() > 0);
    let at = Timestamp::from_second(i64::try_from(seconds).ok()?);
    Some(at.ok()?.to_string())
}

/// What `list` prints.
#[derive(Serialize)]
pub(crate) struct ListDocument<'a> {
    pub(crate) user_id: &'a UserId,
    pub(crate) identities: Vec<IdentityInFull<'a>>,
}

/// An identity as it was read, without the tokens of its provider and without keys Auth0 does not document.
#[derive(Serialize)]
pub(crate) struct IdentityInFull<'a> {
    provider: Option<&'a ProviderName>,
    user_id: Option<&'a IdentityUserId>,
    connection: Option<&'a str>,
    primary: bool,
    #[serde(rename = "isSocial", skip_serializing_if = "Option::is_none")]
    is_social: Option<bool>,
    #[serde(rename = "profileData", skip_serializing_if = "Option::is_none")]
    profile_data: Option<&'a ProfileData>,
}

impl<'a> IdentityInFull<'a> {
    pub(crate) fn all(identities: &'a [Identity]) -> Vec<Self> {
        let in_full = |(index, identity): (usize, &'a Identity)| Self {
            provider: identity.provider(),
            user_id: identity.user_id(),
            connection: identity.connection(),
            primary: index == 0,
            is_social: identity.is_social(),
            profile_data: identity.profile_data(),
        };
        identities.iter().enumerate().map(in_full).collect()
    }
}

/// What `unlink` and `link` print.
#[derive(Serialize)]
pub(crate) struct ChangeDocument<'a> {
    pub(crate) outcome: &'static str,
    pub(crate) user_id: &'a UserId,
    pub(crate) identity: IdentityDocument<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) new_user_id: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<AccountDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) would_delete: Option<&'a UserId>,
    pub(crate) identities: Vec<LinkedDocument<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) warnings: &'a [String],
}

/// An account that was deleted, with its dates as they were read before.
#[derive(Clone, Serialize)]
pub(crate) struct AccountDocument<'a> {
    pub(crate) user_id: &'a UserId,
    pub(crate) created_at: Option<&'a str>,
    pub(crate) last_login: Option<&'a str>,
}

impl<'a> AccountDocument<'a> {
    pub(crate) fn new(user_id: &'a UserId, account: &'a User) -> Self {
        Self {
            user_id,
            created_at: account.created_at(),
            last_login: account.last_login(),
        }
    }
}

/// What proves that an account was split off.
#[derive(Serialize)]
pub(crate) struct ReceiptDocument<'a> {
    user_id: &'a UserId,
    identity: IdentityDocument<'a>,
    linked_at: Option<String>,
}

impl<'a> ReceiptDocument<'a> {
    pub(crate) fn new(receipt: &'a Receipt) -> Self {
        let time = |at| Timestamp::try_from(at).ok().map(|at| at.to_string());
        Self {
            user_id: receipt.user_id(),
            identity: IdentityDocument::new(receipt.identity(), receipt.connection()),
            linked_at: receipt.linked_at().and_then(time),
        }
    }
}

/// What names an identity.
#[derive(Serialize)]
pub(crate) struct IdentityDocument<'a> {
    provider: &'a ProviderName,
    user_id: &'a IdentityUserId,
    connection: Option<&'a str>,
}

impl<'a> IdentityDocument<'a> {
    pub(crate) const fn new(key: &'a IdentityKey, connection: Option<&'a str>) -> Self {
        Self {
            provider: key.provider(),
            user_id: key.user_id(),
            connection,
        }
    }
}

/// An identity in a user's list.
#[derive(Serialize)]
pub(crate) struct LinkedDocument<'a> {
    #[serde(flatten)]
    identity: IdentityDocument<'a>,
    /// `null` where it is not known.
    primary: Option<bool>,
}

impl<'a> LinkedDocument<'a> {
    /// No other than the first can be the main one; whether that is may be unknown.
    pub(crate) fn all(
        listed: impl IntoIterator<Item = &'a ListedIdentity>,
        first_is_main: Option<bool>,
    ) -> Vec<Self> {
        let linked = |(index, identity): (usize, &'a ListedIdentity)| Self {
            identity: IdentityDocument::new(identity.key(), identity.connection()),
            primary: if index == 0 {
                first_is_main
            } else {
                Some(false)
            },
        };
        listed.into_iter().enumerate().map(linked).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_ids_stay_integers_and_nothing_steers_the_terminal() {
        let json = br#"{"user_id":"auth0|1","identities":[
            {"provider":"auth0","user_id":"1","connection":"\u009b31m\u007f\u001b\u202e","access_token":"planted","novel":1},
            {"provider":"github","user_id":123456789012345678901234567890,"connection":"github",
             "profileData":{"email":"a@b.c","novel":true}}]}"#;
        let user = unlink::User::from_json(json).unwrap();
        let shown = line(&ListDocument {
            user_id: user.user_id().unwrap(),
            identities: IdentityInFull::all(user.identities().unwrap()),
        });
        insta::assert_snapshot!(shown.unwrap(), @r#"{"user_id":"auth0|1","identities":[{"provider":"auth0","user_id":"1","connection":"\u009b31m\u007f\u001b\u202e","primary":true},{"provider":"github","user_id":123456789012345678901234567890,"connection":"github","primary":false,"profileData":{"email":"a@b.c","novel":true}}]}"#);

        let identities = user.identities().unwrap().iter();
        let listed: Vec<_> = identities
            .map(|identity| ListedIdentity::new(identity.key().unwrap(), None))
            .collect();
        insta::assert_snapshot!(line(&LinkedDocument::all(&listed, Some(true))).unwrap(), @r#"[{"provider":"auth0","user_id":"1","connection":null,"primary":true},{"provider":"github","user_id":123456789012345678901234567890,"connection":null,"primary":false}]"#);
    }
}
