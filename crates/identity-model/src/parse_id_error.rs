//! Why a text is not an id, in words that say what to write instead.

use std::fmt;

/// The error for a text that is no [`UserId`](crate::UserId), [`IdentityUserId`](crate::IdentityUserId),
/// [`ProviderName`](crate::ProviderName) or [`IdentityKey`](crate::IdentityKey).
///
/// Its message says what to write instead and never repeats the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError {
    kind: ParseIdErrorKind,
    message: &'static str,
}

/// What is wrong with a text that should be an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseIdErrorKind {
    /// The text is empty.
    Empty,
    /// The text is `.` or `..`, which a URL path takes for a step between folders.
    DotSegment,
    /// The text of an identity key holds no `|`.
    NoSeparator,
    /// There is nothing before the first `|`.
    EmptyProvider,
    /// There is nothing after the first `|`.
    EmptyIdentityId,
}

impl ParseIdError {
    pub(crate) const EMPTY_USER_ID: Self = Self {
        kind: ParseIdErrorKind::Empty,
        message: "the user id is empty: give the whole id, such as auth0|507f1f77bcf86cd799439020",
    };
    pub(crate) const DOT_USER_ID: Self = Self {
        kind: ParseIdErrorKind::DotSegment,
        message: "`.` and `..` are no user ids: give the whole id, such as auth0|507f1f77bcf86cd799439020",
    };
    pub(crate) const EMPTY_IDENTITY_ID: Self = Self {
        kind: ParseIdErrorKind::Empty,
        message: "the identity's id is empty: give the `user_id` of the identity, the part after `provider|`",
    };
    pub(crate) const DOT_IDENTITY_ID: Self = Self {
        kind: ParseIdErrorKind::DotSegment,
        message: "`.` and `..` are no ids of an identity: give its `user_id`, the part after `provider|`",
    };
    pub(crate) const EMPTY_PROVIDER_NAME: Self = Self {
        kind: ParseIdErrorKind::Empty,
        message: "the provider is empty: give its name, such as google-oauth2",
    };
    pub(crate) const DOT_PROVIDER: Self = Self {
        kind: ParseIdErrorKind::DotSegment,
        message: "`.` and `..` are no providers: give provider and id as one text, such as google-oauth2|1234",
    };
    pub(crate) const NO_SEPARATOR: Self = Self {
        kind: ParseIdErrorKind::NoSeparator,
        message: "no `|` between provider and id: give both as one text, such as google-oauth2|1234 \
                  (in quotes, since a shell takes a bare | for a pipe)",
    };
    pub(crate) const NO_PROVIDER: Self = Self {
        kind: ParseIdErrorKind::EmptyProvider,
        message: "nothing before the `|`: give provider and id as one text, such as google-oauth2|1234",
    };
    pub(crate) const NO_IDENTITY_ID: Self = Self {
        kind: ParseIdErrorKind::EmptyIdentityId,
        message: "nothing after the `|`: give provider and id as one text, such as google-oauth2|1234",
    };

    /// What is wrong, for a caller that acts on it.
    #[must_use]
    pub const fn kind(&self) -> ParseIdErrorKind {
        self.kind
    }
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for ParseIdError {}
