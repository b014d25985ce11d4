// Made by `cargo xtask codegen` from xtask/spec/identity-providers.json: hands off, edit that list instead.
//! The identity providers Auth0 names.

/// An identity provider Auth0 names, in the order of its reference page.
///
/// The list is closed: parsing refuses a name that is not in it, and [`ProviderName`](crate::ProviderName) keeps any.
/// It holds every name the page has listed, those that have since left Auth0's OpenAPI document included, because an
/// identity of an old tenant may still carry one.
///
/// Source: [Unlink a user identity](https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::AsRefStr,
    strum::Display,
    strum::EnumCount,
    strum::EnumIter,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[non_exhaustive]
pub enum Provider {
    /// `ad`.
    #[strum(serialize = "ad")]
    Ad,
    /// `adfs`.
    #[strum(serialize = "adfs")]
    Adfs,
    /// `amazon`.
    #[strum(serialize = "amazon")]
    Amazon,
    /// `apple`.
    #[strum(serialize = "apple")]
    Apple,
    /// `dropbox`.
    #[strum(serialize = "dropbox")]
    Dropbox,
    /// `bitbucket`.
    #[strum(serialize = "bitbucket")]
    Bitbucket,
    /// `aol`, removed from Auth0's OpenAPI on 2026-04-07.
    #[strum(serialize = "aol")]
    Aol,
    /// `auth0-oidc`.
    #[strum(serialize = "auth0-oidc")]
    Auth0Oidc,
    /// `auth0`.
    #[strum(serialize = "auth0")]
    Auth0,
    /// `baidu`.
    #[strum(serialize = "baidu")]
    Baidu,
    /// `bitly`.
    #[strum(serialize = "bitly")]
    Bitly,
    /// `box`.
    #[strum(serialize = "box")]
    Box,
    /// `custom`.
    #[strum(serialize = "custom")]
    Custom,
    /// `daccount`.
    #[strum(serialize = "daccount")]
    Daccount,
    /// `dwolla`.
    #[strum(serialize = "dwolla")]
    Dwolla,
    /// `email`.
    #[strum(serialize = "email")]
    Email,
    /// `evernote-sandbox`.
    #[strum(serialize = "evernote-sandbox")]
    EvernoteSandbox,
    /// `evernote`.
    #[strum(serialize = "evernote")]
    Evernote,
    /// `exact`.
    #[strum(serialize = "exact")]
    Exact,
    /// `facebook`.
    #[strum(serialize = "facebook")]
    Facebook,
    /// `fitbit`.
    #[strum(serialize = "fitbit")]
    Fitbit,
    /// `flickr`, removed from Auth0's OpenAPI on 2026-04-09.
    #[strum(serialize = "flickr")]
    Flickr,
    /// `github`.
    #[strum(serialize = "github")]
    Github,
    /// `google-apps`.
    #[strum(serialize = "google-apps")]
    GoogleApps,
    /// `google-oauth2`.
    #[strum(serialize = "google-oauth2")]
    GoogleOauth2,
    /// `instagram`.
    #[strum(serialize = "instagram")]
    Instagram,
    /// `ip`.
    #[strum(serialize = "ip")]
    Ip,
    /// `line`.
    #[strum(serialize = "line")]
    Line,
    /// `linkedin`.
    #[strum(serialize = "linkedin")]
    Linkedin,
    /// `miicard`, removed from Auth0's OpenAPI on 2026-03-27.
    #[strum(serialize = "miicard")]
    Miicard,
    /// `oauth1`.
    #[strum(serialize = "oauth1")]
    Oauth1,
    /// `oauth2`.
    #[strum(serialize = "oauth2")]
    Oauth2,
    /// `office365`.
    #[strum(serialize = "office365")]
    Office365,
    /// `oidc`.
    #[strum(serialize = "oidc")]
    Oidc,
    /// `okta`.
    #[strum(serialize = "okta")]
    Okta,
    /// `paypal`.
    #[strum(serialize = "paypal")]
    Paypal,
    /// `paypal-sandbox`.
    #[strum(serialize = "paypal-sandbox")]
    PaypalSandbox,
    /// `pingfederate`.
    #[strum(serialize = "pingfederate")]
    Pingfederate,
    /// `planningcenter`.
    #[strum(serialize = "planningcenter")]
    Planningcenter,
    /// `renren`, removed from Auth0's OpenAPI on 2026-03-27.
    #[strum(serialize = "renren")]
    Renren,
    /// `salesforce-community`.
    #[strum(serialize = "salesforce-community")]
    SalesforceCommunity,
    /// `salesforce-sandbox`.
    #[strum(serialize = "salesforce-sandbox")]
    SalesforceSandbox,
    /// `salesforce`.
    #[strum(serialize = "salesforce")]
    Salesforce,
    /// `samlp`.
    #[strum(serialize = "samlp")]
    Samlp,
    /// `sharepoint`.
    #[strum(serialize = "sharepoint")]
    Sharepoint,
    /// `shopify`.
    #[strum(serialize = "shopify")]
    Shopify,
    /// `shop`.
    #[strum(serialize = "shop")]
    Shop,
    /// `sms`.
    #[strum(serialize = "sms")]
    Sms,
    /// `soundcloud`.
    #[strum(serialize = "soundcloud")]
    Soundcloud,
    /// `thecity-sandbox`, removed from Auth0's OpenAPI on 2026-03-27.
    #[strum(serialize = "thecity-sandbox")]
    ThecitySandbox,
    /// `thecity`, removed from Auth0's OpenAPI on 2026-03-27.
    #[strum(serialize = "thecity")]
    Thecity,
    /// `thirtysevensignals`.
    #[strum(serialize = "thirtysevensignals")]
    Thirtysevensignals,
    /// `twitter`.
    #[strum(serialize = "twitter")]
    Twitter,
    /// `untappd`.
    #[strum(serialize = "untappd")]
    Untappd,
    /// `vkontakte`.
    #[strum(serialize = "vkontakte")]
    Vkontakte,
    /// `waad`.
    #[strum(serialize = "waad")]
    Waad,
    /// `weibo`.
    #[strum(serialize = "weibo")]
    Weibo,
    /// `windowslive`.
    #[strum(serialize = "windowslive")]
    Windowslive,
    /// `wordpress`.
    #[strum(serialize = "wordpress")]
    Wordpress,
    /// `yahoo`.
    #[strum(serialize = "yahoo")]
    Yahoo,
    /// `yammer`, removed from Auth0's OpenAPI on 2026-03-27.
    #[strum(serialize = "yammer")]
    Yammer,
    /// `yandex`.
    #[strum(serialize = "yandex")]
    Yandex,
}

impl Provider {
    /// Returns the name Auth0 uses on the wire, such as `google-oauth2`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ad => "ad",
            Self::Adfs => "adfs",
            Self::Amazon => "amazon",
            Self::Apple => "apple",
            Self::Dropbox => "dropbox",
            Self::Bitbucket => "bitbucket",
            Self::Aol => "aol",
            Self::Auth0Oidc => "auth0-oidc",
            Self::Auth0 => "auth0",
            Self::Baidu => "baidu",
            Self::Bitly => "bitly",
            Self::Box => "box",
            Self::Custom => "custom",
            Self::Daccount => "daccount",
            Self::Dwolla => "dwolla",
            Self::Email => "email",
            Self::EvernoteSandbox => "evernote-sandbox",
            Self::Evernote => "evernote",
            Self::Exact => "exact",
            Self::Facebook => "facebook",
            Self::Fitbit => "fitbit",
            Self::Flickr => "flickr",
            Self::Github => "github",
            Self::GoogleApps => "google-apps",
            Self::GoogleOauth2 => "google-oauth2",
            Self::Instagram => "instagram",
            Self::Ip => "ip",
            Self::Line => "line",
            Self::Linkedin => "linkedin",
            Self::Miicard => "miicard",
            Self::Oauth1 => "oauth1",
            Self::Oauth2 => "oauth2",
            Self::Office365 => "office365",
            Self::Oidc => "oidc",
            Self::Okta => "okta",
            Self::Paypal => "paypal",
            Self::PaypalSandbox => "paypal-sandbox",
            Self::Pingfederate => "pingfederate",
            Self::Planningcenter => "planningcenter",
            Self::Renren => "renren",
            Self::SalesforceCommunity => "salesforce-community",
            Self::SalesforceSandbox => "salesforce-sandbox",
            Self::Salesforce => "salesforce",
            Self::Samlp => "samlp",
            Self::Sharepoint => "sharepoint",
            Self::Shopify => "shopify",
            Self::Shop => "shop",
            Self::Sms => "sms",
            Self::Soundcloud => "soundcloud",
            Self::ThecitySandbox => "thecity-sandbox",
            Self::Thecity => "thecity",
            Self::Thirtysevensignals => "thirtysevensignals",
            Self::Twitter => "twitter",
            Self::Untappd => "untappd",
            Self::Vkontakte => "vkontakte",
            Self::Waad => "waad",
            Self::Weibo => "weibo",
            Self::Windowslive => "windowslive",
            Self::Wordpress => "wordpress",
            Self::Yahoo => "yahoo",
            Self::Yammer => "yammer",
            Self::Yandex => "yandex",
        }
    }

    /// Tells whether Auth0's current OpenAPI document still lists this provider.
    #[must_use]
    pub const fn is_in_current_openapi(self) -> bool {
        match self {
            Self::Ad => true,
            Self::Adfs => true,
            Self::Amazon => true,
            Self::Apple => true,
            Self::Dropbox => true,
            Self::Bitbucket => true,
            Self::Aol => false,
            Self::Auth0Oidc => true,
            Self::Auth0 => true,
            Self::Baidu => true,
            Self::Bitly => true,
            Self::Box => true,
            Self::Custom => true,
            Self::Daccount => true,
            Self::Dwolla => true,
            Self::Email => true,
            Self::EvernoteSandbox => true,
            Self::Evernote => true,
            Self::Exact => true,
            Self::Facebook => true,
            Self::Fitbit => true,
            Self::Flickr => false,
            Self::Github => true,
            Self::GoogleApps => true,
            Self::GoogleOauth2 => true,
            Self::Instagram => true,
            Self::Ip => true,
            Self::Line => true,
            Self::Linkedin => true,
            Self::Miicard => false,
            Self::Oauth1 => true,
            Self::Oauth2 => true,
            Self::Office365 => true,
            Self::Oidc => true,
            Self::Okta => true,
            Self::Paypal => true,
            Self::PaypalSandbox => true,
            Self::Pingfederate => true,
            Self::Planningcenter => true,
            Self::Renren => false,
            Self::SalesforceCommunity => true,
            Self::SalesforceSandbox => true,
            Self::Salesforce => true,
            Self::Samlp => true,
            Self::Sharepoint => true,
            Self::Shopify => true,
            Self::Shop => true,
            Self::Sms => true,
            Self::Soundcloud => true,
            Self::ThecitySandbox => false,
            Self::Thecity => false,
            Self::Thirtysevensignals => true,
            Self::Twitter => true,
            Self::Untappd => true,
            Self::Vkontakte => true,
            Self::Waad => true,
            Self::Weibo => true,
            Self::Windowslive => true,
            Self::Wordpress => true,
            Self::Yahoo => true,
            Self::Yammer => false,
            Self::Yandex => true,
        }
    }
}
