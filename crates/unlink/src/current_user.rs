//! What a user's own token may do: the same operations, on its own user only.

use identity_model::{IdentityKey, User, UserId};
use transport::{AccessToken, ClientBuilder, Tenant};

use crate::{
    client::{Client, Elsewhere},
    error::Error,
    link::{LinkOutcome, Secondary},
    outcome::Outcome,
};

/// A client with a user's own token: it lists, links and unlinks that user's identities, and nothing else.
///
/// The user is the token's `sub`. Unlinking and linking need `update:current_user_identities`, reading needs
/// `read:current_user`. Source: [Link user accounts with access
/// tokens](https://auth0.com/docs/manage-users/user-accounts/user-account-linking/link-user-accounts).
///
/// ```no_run
/// # async fn example(access_token: &str) -> Result<(), Box<dyn std::error::Error>> {
/// use unlink::{AccessToken, CurrentUser};
///
/// let me = CurrentUser::new("example.eu.auth0.com".parse()?, AccessToken::new(access_token)?)?;
/// me.unlink(&"google-oauth2|1234".parse()?).await?;
/// # Ok(())
/// # }
/// ```
///
/// Other options for some calls only:
///
/// ```no_run
/// # async fn example(me: unlink::CurrentUser) -> Result<(), Box<dyn std::error::Error>> {
/// let traced = me.with(|transport| transport.with_header("X-Correlation-ID", "request-17"))?;
/// traced.unlink(&"google-oauth2|1234".parse()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CurrentUser {
    client: Client,
    user_id: UserId,
}

impl CurrentUser {
    /// Makes a client for the token's own user, with the transport's defaults; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with kind `Input` when the token does not say whose it
    /// is, and as [`transport::ClientBuilder::build`] describes.
    pub fn new(tenant: Tenant, token: AccessToken) -> Result<Self, Error> {
        Self::with_settings(tenant, token, |builder| builder)
    }

    /// Makes a client for the token's own user, with other settings.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_settings(
        tenant: Tenant,
        token: AccessToken,
        settings: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Error> {
        let user_id = token
            .subject()?
            .parse()
            .map_err(|error: identity_model::ParseIdError| {
                transport::Error::new(
                    transport::ErrorKind::Input,
                    "the access token's sub is not a user id",
                )
                .with_source(error)
            })?;
        let transport = settings(transport::Client::builder(tenant, token)).build()?;
        Ok(Self {
            client: transport.into(),
            user_id,
        })
    }

    /// The same client with other options for its calls: `options` takes its transport and returns the same one with
    /// another deadline, number of attempts or header.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`](crate::ErrorKind::Request) with what `options` fails with, such as kind `Input` for a header
    /// that is not the caller's to set.
    pub fn with(
        &self,
        options: impl FnOnce(&transport::Client) -> Result<transport::Client, transport::Error>,
    ) -> Result<Self, Error> {
        let transport = options(self.client.transport())?;
        Ok(self.over(self.client.with_transport(transport)))
    }

    /// The same client with all ids shown in traces, as [`Client::with_ids_in_traces`].
    #[must_use]
    pub fn with_ids_in_traces(&self) -> Self {
        self.over(self.client.with_ids_in_traces())
    }

    fn over(&self, client: Client) -> Self {
        Self {
            client,
            user_id: self.user_id.clone(),
        }
    }

    /// Returns the user this token belongs to.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// Reads the user's identities, as [`Client::identities`].
    ///
    /// # Errors
    ///
    /// As [`Client::identities`].
    pub fn identities(&self) -> impl Future<Output = Result<User, Error>> + use<> {
        self.client.identities(&self.user_id)
    }

    /// Unlinks one of the user's identities, as [`Client::unlink`], without a look at any other account: what is
    /// not linked is [`NoSuchIdentity`](crate::ErrorKind::NoSuchIdentity).
    ///
    /// # Errors
    ///
    /// As [`Client::unlink`].
    pub fn unlink(
        &self,
        identity: &IdentityKey,
    ) -> impl Future<Output = Result<Outcome, Error>> + use<> {
        self.client
            .unlink_looking(&self.user_id, identity, Elsewhere::Leave)
    }

    /// Links the account that an ID token belongs to, as [`Client::link`].
    ///
    /// # Errors
    ///
    /// As [`Client::link`], and with kind `Input` when it is no JWT of a user.
    pub fn link(&self, id_token: &str) -> impl Future<Output = Result<LinkOutcome, Error>> + use<> {
        let linking = Secondary::from_id_token(id_token)
            .map(|account| self.client.link(&self.user_id, &account));
        async move { linking?.await }
    }
}
