//! Deleting the account that an unlinking split off: a second step, with evidence that it is that account.

use std::time::SystemTime;

use identity_model::{IdentityKey, User, UserId};
use transport::{
    Call, DecodeError, ErrorKind as Failure, Operation, Request, Response, Settled, SettledBy,
};

use crate::{
    error::Error,
    operations::{says_missing, user_path},
    outcome::Unlinked,
};

/// What proves that an account was split off by an unlinking: enough to delete it later.
///
/// ```
/// use unlink::Receipt;
///
/// // Kept by the caller since the unlinking, as two ids and a time.
/// let receipt = Receipt::new("auth0|507f".parse()?, "google-oauth2|1234".parse()?, std::time::SystemTime::UNIX_EPOCH);
/// assert_eq!(receipt.separate_user_id().as_str(), "google-oauth2|1234");
/// # Ok::<(), unlink::ParseIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    user_id: UserId,
    identity: IdentityKey,
    /// The name of its connection, where it is known.
    connection: Option<String>,
    linked_at: Option<SystemTime>,
}

impl Receipt {
    /// Puts a receipt together again: `identity` was seen linked to `user_id` at `linked_at`, and was split off since.
    ///
    /// Of a database's identity, [`in_connection`](Self::in_connection) names the connection as well.
    #[must_use]
    pub const fn new(user_id: UserId, identity: IdentityKey, linked_at: SystemTime) -> Self {
        Self {
            user_id,
            identity,
            connection: None,
            linked_at: Some(linked_at),
        }
    }

    /// Names the connection of the identity, which tells two of the same provider and id apart.
    #[must_use]
    pub fn in_connection(self, name: impl Into<String>) -> Self {
        Self {
            connection: Some(name.into()),
            ..self
        }
    }

    /// Returns the receipt of an unlinking that was just done.
    #[must_use]
    pub fn of(unlinked: &Unlinked) -> Self {
        Self {
            user_id: unlinked.user_id.clone(),
            identity: unlinked.identity.key().clone(),
            connection: unlinked.identity.connection().map(str::to_owned),
            linked_at: unlinked.linked_at,
        }
    }

    /// Returns the user it was split off.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// Returns the identity that was split off.
    #[must_use]
    pub const fn identity(&self) -> &IdentityKey {
        &self.identity
    }

    /// Returns the name of its connection, where it is known.
    #[must_use]
    pub fn connection(&self) -> Option<&str> {
        self.connection.as_deref()
    }

    /// Returns when it was last seen linked, by the tenant's clock; `None` if the tenant named no time.
    #[must_use]
    pub const fn linked_at(&self) -> Option<SystemTime> {
        self.linked_at
    }

    /// Returns the id of the account that was split off.
    #[must_use]
    pub fn separate_user_id(&self) -> UserId {
        self.identity.separate_user_id()
    }
}

/// Both halves of an unlinking with deletion.
#[derive(Debug)]
#[non_exhaustive]
pub struct UnlinkedAndDeleted {
    /// The first half, which is done.
    pub unlinked: Unlinked,
    /// What resumes the second half with [`Client::delete_separate`](crate::Client::delete_separate).
    pub receipt: Receipt,
    /// The second half: the account as it was before it was deleted, or why it is still there.
    pub deleted: Result<Deleted, Error>,
}

/// An account that was split off and is deleted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Deleted {
    /// Its id.
    pub user_id: UserId,
    /// The account as it was read before.
    pub account: User,
    /// How it is known that the deletion was done; that the account is gone was read in any case.
    pub settled_by: SettledBy,
    /// How often the deletion was sent, or tried to be.
    pub attempts: u32,
    /// The answer to the deletion, or the read's that settled it, as it came.
    pub response: Response,
}

/// Reads an account in full: `GET /api/v2/users/{id}`.
///
/// Source: [Get a user](https://auth0.com/docs/api/management/v2/users/get-users-by-id).
#[derive(Clone, Debug)]
pub struct GetUser {
    request: Request,
    /// Whether an unknown user is one that is not there yet.
    awaited: bool,
}

impl GetUser {
    /// Describes the read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` for an id that no path can hold.
    pub fn new(user: &UserId) -> Result<Self, Error> {
        Ok(Self {
            request: Request::get(user_path(user, &[])?),
            awaited: false,
        })
    }

    /// The same read of an account that is about to appear: read again until it does, or the deadline passes.
    #[must_use]
    pub fn awaited(self) -> Self {
        Self {
            awaited: true,
            ..self
        }
    }
}

impl Operation for GetUser {
    type Output = User;

    fn name(&self) -> &'static str {
        "read user"
    }

    fn request(&self) -> &Request {
        &self.request
    }

    fn decode(&self, response: &Response) -> Result<User, DecodeError> {
        User::from_json(response.body().expose()).map_err(DecodeError::new)
    }

    fn is_not_yet(&self, response: &Response) -> bool {
        self.awaited && response.status() == 404
    }
}

/// Deletes the account that was read: `DELETE /api/v2/users/{id}`.
///
/// Source: [Delete a user](https://auth0.com/docs/api/management/v2/users/delete-users-by-id). Sent again only
/// after a read that shows the same account. Needs `delete:users`.
#[derive(Clone, Debug)]
pub struct DeleteAccount {
    receipt: Receipt,
    account: User,
    request: Request,
    probe: Request,
}

impl DeleteAccount {
    /// Describes the deletion of `account`, which was read in full and is what `receipt` says was split off.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InUse`](crate::ErrorKind::InUse) when the account [is more](Receipt::gains) than what was split off;
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` for an id that no path can hold.
    pub fn new(receipt: &Receipt, account: User) -> Result<Self, Error> {
        let user_id = receipt.separate_user_id();
        if let Some(reason) = in_use(&account, receipt) {
            return Err(Error::in_use(&user_id, reason));
        }
        let path = user_path(&user_id, &[])?;
        Ok(Self {
            receipt: receipt.clone(),
            account,
            request: Request::delete(path.clone()),
            probe: Request::get(path),
        })
    }
}

/// What a deletion came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deletion {
    /// The account is gone, as far as the answer tells.
    Done,
    /// A read after a lost answer shows that the account is in use by now, for this reason; it was left alone.
    Stopped(&'static str),
}

impl Operation for DeleteAccount {
    type Output = Deletion;

    fn name(&self) -> &'static str {
        "delete user"
    }

    fn request(&self) -> &Request {
        &self.request
    }

    fn decode(&self, response: &Response) -> Result<Deletion, DecodeError> {
        if response.body().expose().is_empty() {
            Ok(Deletion::Done)
        } else {
            Err(DecodeError::new("a body where none is documented"))
        }
    }

    fn probe(&self) -> Option<&Request> {
        Some(&self.probe)
    }

    fn needs_a_read(&self) -> bool {
        true
    }

    fn settle(&self, probe: &Response) -> Result<Settled<Deletion>, DecodeError> {
        if !probe.status().is_success() {
            return says_missing(probe).map(|()| Settled::Done(Deletion::Done));
        }
        let now = User::from_json(probe.body().expose()).map_err(DecodeError::new)?;
        // Another account under the same id is none of ours: the one we read is gone.
        Ok(if is_another(&now, &self.account)? {
            Settled::Done(Deletion::Done)
        } else if let Some(reason) = in_use(&now, &self.receipt) {
            Settled::Done(Deletion::Stopped(reason))
        } else {
            Settled::Unchanged
        })
    }
}

/// Reads that an account is gone; asks again while it is still there.
#[derive(Clone, Debug)]
struct AwaitGone {
    account: User,
    request: Request,
}

impl Operation for AwaitGone {
    type Output = ();

    fn name(&self) -> &'static str {
        "read user"
    }

    fn request(&self) -> &Request {
        &self.request
    }

    /// Succeeds for another account under the same id only.
    fn decode(&self, response: &Response) -> Result<(), DecodeError> {
        let now = User::from_json(response.body().expose()).map_err(DecodeError::new)?;
        if is_another(&now, &self.account)? {
            Ok(())
        } else {
            Err(DecodeError::new("the account is there still"))
        }
    }

    fn is_not_yet(&self, response: &Response) -> bool {
        response.status().is_success()
            && User::from_json(response.body().expose())
                .is_ok_and(|now| is_another(&now, &self.account).is_ok_and(|another| !another))
    }
}

/// The second half: waits for the account, checks that nobody has used it, deletes it and reads that it is gone.
pub(crate) async fn delete_separate(call: &Call, receipt: &Receipt) -> Result<Deleted, Error> {
    let user_id = receipt.separate_user_id();
    let account = call
        .execute(GetUser::new(&user_id)?.awaited())
        .await?
        .output;
    let deleting = call
        .execute(DeleteAccount::new(receipt, account.clone())?)
        .await?;
    let (deletion, deleting) = deleting.split();
    if let Deletion::Stopped(reason) = deletion {
        return Err(Error::in_use(&user_id, reason).after_a_change());
    }
    let gone = AwaitGone {
        account: account.clone(),
        request: Request::get(user_path(&user_id, &[])?),
    };
    match call.execute(gone).await {
        Ok(_) => {}
        // Its own answer, and not that to a request for a token.
        Err(error)
            if error.kind() == Failure::NotFound
                && error
                    .answer()
                    .is_some_and(|answer| says_missing(answer.response()).is_ok()) => {}
        Err(error) => return Err(Error::not_confirmed(&user_id, error)),
    }
    Ok(Deleted {
        user_id,
        account,
        settled_by: deleting.settled_by,
        attempts: deleting.attempts,
        response: deleting.response,
    })
}

/// Whether what is read now is another account than the one that was read; an answer that does not date it shows nothing.
fn is_another(now: &User, account: &User) -> Result<bool, DecodeError> {
    match (now.created_at(), account.created_at()) {
        (Some(now), Some(then)) => Ok(now != then),
        (None, None) => Ok(false),
        _ => Err(DecodeError::new(
            "no created_at that tells which account it is",
        )),
    }
}

/// Why an account is more than what was split off, if it is.
fn in_use(account: &User, receipt: &Receipt) -> Option<&'static str> {
    receipt.gains(account).first().map(|gain| gain.as_str())
}

/// What an account has that one which was just split off has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gain {
    /// It is another account: its main identity is not the one that was split off, or is of another connection.
    OtherMainIdentity,
    /// It has a second identity.
    SecondIdentity,
    /// It has metadata.
    Metadata,
    /// It has been logged in to since.
    Login,
    /// It has a last login that cannot be read.
    UnreadableLogin,
    /// It has been logged in to, and when it was split off is not known.
    LoginAtSomeTime,
}

impl Gain {
    /// Returns it in words that follow the account's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherMainIdentity => "its main identity is not the one that was split off",
            Self::SecondIdentity => "it has a second identity",
            Self::Metadata => "it has metadata, which a split-off account does not",
            Self::Login => "it has been logged in to since it was split off",
            Self::UnreadableLogin => "its last login cannot be read",
            Self::LoginAtSomeTime => {
                "it has been logged in to, and when it was split off is not known"
            }
        }
    }
}

impl Receipt {
    /// Returns what `account`, which was read in full, has gained since it was split off: what would be lost with it.
    #[must_use]
    pub fn gains(&self, account: &User) -> Vec<Gain> {
        let filled =
            |metadata: Option<&str>| metadata.is_some_and(|json| !matches!(json, "{}" | "null"));
        let metadata = [account.user_metadata(), account.app_metadata()];
        [
            (!self.is_of(account)).then_some(Gain::OtherMainIdentity),
            (!account.secondary_identities().is_empty()).then_some(Gain::SecondIdentity),
            metadata
                .into_iter()
                .any(|metadata| filled(metadata.map(|json| json.get())))
                .then_some(Gain::Metadata),
            self.login(account),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether the account's main identity is the one that was split off, and not one of another connection.
    fn is_of(&self, account: &User) -> bool {
        account.primary_identity().is_some_and(|main| {
            let connections = self.connection().zip(main.connection());
            main.key().as_ref() == Some(self.identity())
                && connections.is_none_or(|(ours, theirs)| ours == theirs)
        })
    }

    fn login(&self, account: &User) -> Option<Gain> {
        let last_login = serde_json::to_value(account)
            .ok()
            .and_then(|account| account.get("last_login").cloned());
        // A date may be an object, too.
        let time = last_login.filter(|time| !time.is_null())?;
        let Some(time) = time
            .as_str()
            .and_then(|time| time.parse::<jiff::Timestamp>().ok())
        else {
            return Some(Gain::UnreadableLogin);
        };
        match self.linked_at {
            Some(linked_at) if SystemTime::from(time) <= linked_at => None,
            Some(_) => Some(Gain::Login),
            None => Some(Gain::LoginAtSomeTime),
        }
    }
}
