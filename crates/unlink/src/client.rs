//! The facade's client: operations in the caller's terms, each under one deadline.

use identity_model::{IdentityKey, ListedIdentity, User, UserId};
use tracing::Instrument as _;
use transport::{Answered, Call, ErrorKind as Failure, SettledBy, Tenant, TokenSource};

use crate::{
    change::{ChangeIdentity, ListedAfter},
    delete::{self, Deleted, GetUser, Receipt, UnlinkedAndDeleted},
    error::Error,
    link::{self, LinkOutcome, Secondary},
    operations::{FindConnection, FindUsersByEmail, ListIdentities, TakeSnapshot, lacks_scope},
    outcome::{Absent, NotLinked, Outcome, Unlinked},
    resolve,
    snapshot::Snapshot,
    trace::Ids,
};

/// Unlinks identities of a tenant's users; clones are cheap and share connections and token.
///
/// Every call's future owns what it needs, so it can be spawned. Dropping one stops it at once: a request
/// that was already sent may still be applied, and nothing tells whether it was but reading the user again.
///
/// ```no_run
/// use unlink::{AccessToken, Client, Outcome};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let token = AccessToken::new(std::env::var("AUTH0_API_TOKEN")?)?;
/// let client = Client::new("example.eu.auth0.com".parse()?, token)?;
/// let outcome = client.unlink(&"auth0|507f".parse()?, &"google-oauth2|1234".parse()?).await?;
/// if let Outcome::Unlinked(done) = outcome {
///     println!("{} is an account of its own now", done.separate_user_id);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Each operation keeps one deadline of its own (60 s), its reads and repetitions included; unlinking with deletion has one
/// for each half. Another one, a header or a number of attempts for some calls only:
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn example(client: unlink::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let transport = client.transport().with_deadline(Duration::from_secs(15));
/// let hurried = client.with_transport(transport.with_header("X-Correlation-ID", "request-17")?);
/// hurried.unlink(&"auth0|507f".parse()?, &"google-oauth2|1234".parse()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    transport: transport::Client,
    ids: Ids,
}

/// A client over a transport with settings of the caller's own.
impl From<transport::Client> for Client {
    fn from(transport: transport::Client) -> Self {
        Self {
            transport,
            ids: Ids::default(),
        }
    }
}

impl Client {
    /// Makes a client of `tenant` with the transport's defaults; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) as [`transport::ClientBuilder::build`] describes.
    pub fn new(tenant: Tenant, tokens: impl TokenSource) -> Result<Self, Error> {
        Ok(transport::Client::builder(tenant, tokens).build()?.into())
    }

    /// The transport underneath, for operations of the caller's own.
    #[must_use]
    pub const fn transport(&self) -> &transport::Client {
        &self.transport
    }

    /// The same client over another transport: [its own](Self::transport) with other options.
    #[must_use]
    pub const fn with_transport(&self, transport: transport::Client) -> Self {
        Self {
            transport,
            ids: self.ids,
        }
    }

    /// The same client with all ids shown in traces; those of `email` and `sms` users are hashed otherwise.
    #[must_use]
    pub fn with_ids_in_traces(&self) -> Self {
        Self {
            transport: self.transport.clone(),
            ids: Ids::Shown,
        }
    }

    /// Reads a user's identities: its id and `identities`, the main one first; no other key is asked for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request); kind `NotFound` when there is no such user.
    pub fn identities(&self, user: &UserId) -> impl Future<Output = Result<User, Error>> + use<> {
        let span = self.ids.span("identities", user, None);
        let (call, operation) = (self.transport.call(), ListIdentities::new(user));
        async move { Ok(call.execute(operation?).await?.output) }.instrument(span)
    }

    /// Reads a user in full.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request); kind `NotFound` when there is no such user.
    pub fn user(&self, user: &UserId) -> impl Future<Output = Result<User, Error>> + use<> {
        let span = self.ids.span("user", user, None);
        let (call, operation) = (self.transport.call(), GetUser::new(user));
        async move { Ok(call.execute(operation?).await?.output) }.instrument(span)
    }

    /// Finds the users with this e-mail address, which Auth0 compares with its case; needs `read:users`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request).
    pub fn users_by_email(
        &self,
        email: &str,
    ) -> impl Future<Output = Result<Vec<User>, Error>> + use<> {
        let (call, operation) = (self.transport.call(), FindUsersByEmail::new(email));
        async move { Ok(call.execute(operation?).await?.output) }
    }

    /// Unlinks an identity: reads the user, finds the one identity meant, sends, and judges by what is left.
    ///
    /// `identity` may carry its id with or without a leading `provider|` or `connection|`; the listed id is
    /// what is sent. A new account of its own appears for it, without metadata. A token that may not read
    /// users gets [`Outcome::Absent`] as [`unlink_unread`](Self::unlink_unread) describes.
    ///
    /// # Errors
    ///
    /// [`MainIdentity`](crate::ErrorKind::MainIdentity), [`NoSuchIdentity`](crate::ErrorKind::NoSuchIdentity) and
    /// [`Ambiguous`](crate::ErrorKind::Ambiguous) before anything is sent that changes anything;
    /// [`NotChanged`](crate::ErrorKind::NotChanged) when the tenant answers with success and it is still linked;
    /// [`Request`](crate::ErrorKind::Request) for all else, [`Error::may_have_been_applied`] included.
    pub fn unlink(
        &self,
        user: &UserId,
        identity: &IdentityKey,
    ) -> impl Future<Output = Result<Outcome, Error>> + use<> {
        self.unlink_looking(user, identity, Elsewhere::Look)
    }

    pub(crate) fn unlink_looking(
        &self,
        user: &UserId,
        identity: &IdentityKey,
        elsewhere: Elsewhere,
    ) -> impl Future<Output = Result<Outcome, Error>> + use<> {
        let span = self.ids.span("unlink", user, Some(identity));
        let (call, user, identity) = (self.transport.call(), user.clone(), identity.clone());
        let unlinking = async move {
            match call.execute(TakeSnapshot::new(&user)?).await {
                Ok(seen) => unlink_seen(&call, &seen.output, &identity, elsewhere).await,
                Err(error) if lacks_scope(&error) => unlink_unread(&call, user, identity).await,
                Err(error) => Err(error.into()),
            }
        };
        unlinking.instrument(span)
    }

    /// Unlinks an identity in one request, judged by what the caller saw earlier.
    ///
    /// # Errors
    ///
    /// As [`unlink`](Self::unlink).
    pub fn unlink_seen(
        &self,
        seen: &Snapshot,
        identity: &IdentityKey,
    ) -> impl Future<Output = Result<Outcome, Error>> + use<> {
        let (call, seen, identity) = (self.transport.call(), seen.clone(), identity.clone());
        let span = self.ids.span("unlink", seen.user_id(), Some(&identity));
        async move { unlink_seen(&call, &seen, &identity, Elsewhere::Look).await }.instrument(span)
    }

    /// Unlinks an identity without reading first, for a token that may not read users.
    ///
    /// The answer shows that the identity is not linked, not that it was before: that is
    /// [`Outcome::Absent`]. Where the answer still lists it under another form of its id, that one is sent,
    /// and the outcome is as good as with a read.
    ///
    /// # Errors
    ///
    /// As [`unlink`](Self::unlink); [`MainIdentity`](crate::ErrorKind::MainIdentity) as far as the ids show it.
    pub fn unlink_unread(
        &self,
        user: &UserId,
        identity: &IdentityKey,
    ) -> impl Future<Output = Result<Outcome, Error>> + use<> {
        let (call, user, identity) = (self.transport.call(), user.clone(), identity.clone());
        let span = self.ids.span("unlink", &user, Some(&identity));
        async move { unlink_unread(&call, user, identity).await }.instrument(span)
    }

    /// Unlinks an identity and deletes the account that appears for it, which may take many seconds.
    ///
    /// The first half is [`unlink`](Self::unlink), and must see the identity linked. The second waits for the
    /// account, checks that it is the one and unused, deletes it and reads that it is gone; it has a deadline of
    /// its own and can be resumed with the receipt.
    ///
    /// ```no_run
    /// # async fn example(client: unlink::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let both = client.unlink_and_delete(&"auth0|507f".parse()?, &"google-oauth2|1234".parse()?).await?;
    /// if let Err(error) = both.deleted {
    ///     // The identity is unlinked all the same; keep the receipt and go on later.
    ///     eprintln!("{} is still there: {error}", both.receipt.separate_user_id());
    ///     client.delete_separate(&both.receipt).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`unlink`](Self::unlink), and [`NotProven`](crate::ErrorKind::NotProven) where the identity was not
    /// linked to begin with: then no account is deleted. A token that may not read users is refused as
    /// [`Request`](crate::ErrorKind::Request) with kind `Forbidden`, before anything is changed. An error of the second
    /// half is in [`UnlinkedAndDeleted::deleted`].
    pub fn unlink_and_delete(
        &self,
        user: &UserId,
        identity: &IdentityKey,
    ) -> impl Future<Output = Result<UnlinkedAndDeleted, Error>> + use<> {
        let (transport, user, identity) = (self.transport.clone(), user.clone(), identity.clone());
        let span = self.ids.span("unlink and delete", &user, Some(&identity));
        let both = async move {
            let call = transport.call();
            // Read here and not by `unlink`: without a read there is no evidence, and so no first half either.
            let seen = call.execute(TakeSnapshot::new(&user)?).await?.output;
            if seen.resolve(&identity)?.is_none() {
                return Err(Error::not_proven(&user, &identity, seen.listed()));
            }
            let Outcome::Unlinked(unlinked) =
                unlink_seen(&call, &seen, &identity, Elsewhere::Leave).await?
            else {
                return Err(Error::not_proven(&user, &identity, seen.listed()));
            };
            let receipt = Receipt::of(&unlinked);
            let deleted = delete::delete_separate(&transport.call(), &receipt).await;
            Ok(UnlinkedAndDeleted {
                unlinked,
                receipt,
                deleted,
            })
        };
        both.instrument(span)
    }

    /// Deletes the account that an earlier unlinking split off, as its receipt proves.
    ///
    /// # Errors
    ///
    /// [`InUse`](crate::ErrorKind::InUse) when the account is more than what was split off;
    /// [`Request`](crate::ErrorKind::Request) for all else, kind `NotFound` when there is no such account.
    pub fn delete_separate(
        &self,
        receipt: &Receipt,
    ) -> impl Future<Output = Result<Deleted, Error>> + use<> {
        let (call, receipt) = (self.transport.call(), receipt.clone());
        let span = self
            .ids
            .span("delete", receipt.user_id(), Some(receipt.identity()));
        async move { delete::delete_separate(&call, &receipt).await }.instrument(span)
    }

    /// Links an account to a user, whose main identity stays the main one; the account's metadata is lost.
    ///
    /// Where the account's connection is named and one of the same provider and id is linked already, whether it is that
    /// one is looked up, which needs `read:connections`; without it the tenant tells.
    ///
    /// # Errors
    ///
    /// [`NotChanged`](crate::ErrorKind::NotChanged) when the tenant answers with success and it is not linked;
    /// [`Request`](crate::ErrorKind::Request) for all else: kind `Conflict` when it is linked elsewhere,
    /// `Rejected` with the tenant's reason for what it does not link.
    pub fn link(
        &self,
        user: &UserId,
        account: &Secondary,
    ) -> impl Future<Output = Result<LinkOutcome, Error>> + use<> {
        let (call, user, account) = (self.transport.call(), user.clone(), account.clone());
        let span = self.ids.span("link", &user, Some(account.key()));
        async move { link::link(&call, &user, &account).await }.instrument(span)
    }

    /// Takes down what [`link`](Self::link) needs to link this identity back later: its key, and the id of its
    /// connection where it is one of a database, which is looked up; that needs `read:connections`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request).
    pub fn way_back(
        &self,
        identity: &ListedIdentity,
    ) -> impl Future<Output = Result<Secondary, Error>> + use<> {
        let (call, identity) = (self.transport.call(), identity.clone());
        async move { link::way_back(&call, &identity).await }
    }

    /// Looks up the id (`con_…`) of the connection of this name, `None` if there is none; needs `read:connections`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request).
    pub fn connection_id(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<String>, Error>> + use<> {
        let (call, operation) = (self.transport.call(), FindConnection::new(name));
        async move { Ok(call.execute(operation?).await?.output) }
    }
}

/// Changes an identity, and looks once more where what the answer lists does not tell whether it did.
pub(crate) async fn change(
    call: &Call,
    change: &ChangeIdentity,
    user: &UserId,
    identity: &IdentityKey,
) -> Result<(ListedAfter, Answered<()>), Error> {
    let (now, answered) = call.execute(change.clone()).await?.split();
    if !now.may_be_unreadable {
        return Ok((now, answered));
    }
    let untold = |read| Error::not_readable(user, identity, &now, read);
    if answered.settled_by == SettledBy::Probe {
        return Err(untold(None).shown_by(answered.response));
    }
    match call.execute(change.look_again()).await {
        Ok(read) if read.output.may_be_unreadable => Err(untold(None).shown_by(read.response)),
        Ok(read) => {
            let (now, mut read) = read.split();
            (read.settled_by, read.attempts) = (SettledBy::Probe, answered.attempts);
            Ok((now, read))
        }
        Err(error) => Err(untold(Some(error))),
    }
}

async fn unlink_seen(
    call: &Call,
    seen: &Snapshot,
    wanted: &IdentityKey,
    elsewhere: Elsewhere,
) -> Result<Outcome, Error> {
    let user = seen.user_id();
    let Some(identity) = seen.resolve(wanted)? else {
        return not_linked(call, seen, wanted, elsewhere).await;
    };
    let unlinking = ChangeIdentity::unlink(seen, identity)?;
    let (remaining, answered) = change(call, &unlinking, user, identity.key()).await?;
    if remaining.is_linked {
        return Err(Error::not_changed(
            format_args!("{} is still linked to {user}", identity.key()),
            &remaining.identities,
            answered,
        ));
    }
    Ok(Outcome::Unlinked(Unlinked {
        user_id: user.clone(),
        separate_user_id: identity.key().separate_user_id(),
        identity: identity.clone(),
        linked_at: seen.read_at(),
        remaining: remaining.identities,
        settled_by: answered.settled_by,
        attempts: answered.attempts,
        response: answered.response,
        warnings: seen
            .warnings()
            .iter()
            .cloned()
            .chain(remaining.warnings)
            .collect(),
    }))
}

async fn unlink_unread(call: &Call, user: UserId, wanted: IdentityKey) -> Result<Outcome, Error> {
    if wanted.separate_user_id() == user {
        return Err(Error::main_identity(&user, &wanted, &[]));
    }
    let nothing_seen = Snapshot::new(user, Vec::new());
    let identity = ListedIdentity::new(wanted.clone(), None);
    let unlinking = ChangeIdentity::unlink(&nothing_seen, &identity)?;
    let user = nothing_seen.user_id();
    let (now, answered) = change(call, &unlinking, user, &wanted).await?;
    let seen = Snapshot::after(nothing_seen.into_parts().0, now);
    // What follows was sent after a request that nobody knows the effect of.
    match seen.resolve(&wanted).map_err(Error::after_a_change)? {
        None => {
            let warnings = seen.warnings().to_vec();
            let (user_id, remaining) = seen.into_parts();
            Ok(Outcome::Absent(Absent {
                user_id,
                separate_user_id: wanted.separate_user_id(),
                identity: wanted,
                remaining,
                settled_by: answered.settled_by,
                attempts: answered.attempts,
                response: answered.response,
                warnings,
            }))
        }
        Some(listed) if *listed.key() == wanted => {
            let error = Error::still_listed(seen.user_id(), &wanted, seen.listed());
            Err(error.shown_by(answered.response))
        }
        // The answer is a read, and it lists the identity under another form of its id.
        Some(_) => unlink_seen(call, &seen, &wanted, Elsewhere::Look).await,
    }
}

/// Whether an identity that is not linked may be looked for as an account of its own.
#[derive(Clone, Copy)]
pub(crate) enum Elsewhere {
    Look,
    /// A user's own token is for its own user alone.
    Leave,
}

/// Not in the list: done if the identity is an account of its own, a mistake otherwise.
async fn not_linked(
    call: &Call,
    seen: &Snapshot,
    wanted: &IdentityKey,
    elsewhere: Elsewhere,
) -> Result<Outcome, Error> {
    let candidates = match elsewhere {
        Elsewhere::Look => resolve::accounts(wanted),
        Elsewhere::Leave => Vec::new(),
    };
    for candidate in candidates {
        let separate_user_id = candidate.separate_user_id();
        match call.execute(TakeSnapshot::new(&separate_user_id)?).await {
            Ok(separate)
                if separate
                    .output
                    .main()
                    .is_some_and(|main| *main.key() == candidate) =>
            {
                return Ok(Outcome::NotLinked(NotLinked {
                    user_id: seen.user_id().clone(),
                    identity: candidate,
                    separate_user_id,
                    identities: seen.listed().to_vec(),
                    response: separate.response,
                }));
            }
            Ok(_) => {}
            // Unknown, or out of the reach of a user's own token.
            Err(error) if matches!(error.kind(), Failure::NotFound | Failure::Forbidden) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::no_such_identity(
        seen.user_id(),
        wanted,
        seen.listed(),
    ))
}
