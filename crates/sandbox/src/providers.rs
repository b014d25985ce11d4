//! The provider names that the API description publishes for identities.
//!
//! Source: <https://auth0.com/docs/api/management/v2/users/delete-user-identity-by-user-id>

/// Accepted today.
pub(crate) const CURRENT: &[&str] = &[
    "ad",
    "adfs",
    "amazon",
    "apple",
    "auth0",
    "auth0-oidc",
    "baidu",
    "bitbucket",
    "bitly",
    "box",
    "custom",
    "daccount",
    "dropbox",
    "dwolla",
    "email",
    "evernote",
    "evernote-sandbox",
    "exact",
    "facebook",
    "fitbit",
    "github",
    "google-apps",
    "google-oauth2",
    "instagram",
    "ip",
    "line",
    "linkedin",
    "oauth1",
    "oauth2",
    "office365",
    "oidc",
    "okta",
    "paypal",
    "paypal-sandbox",
    "pingfederate",
    "planningcenter",
    "salesforce",
    "salesforce-community",
    "salesforce-sandbox",
    "samlp",
    "sharepoint",
    "shop",
    "shopify",
    "sms",
    "soundcloud",
    "thirtysevensignals",
    "twitter",
    "untappd",
    "vkontakte",
    "waad",
    "weibo",
    "windowslive",
    "wordpress",
    "yahoo",
    "yandex",
];

/// Dropped from the description in March and April 2026; old tenants may still hold such identities.
pub(crate) const REMOVED: &[&str] = &[
    "aol",
    "flickr",
    "miicard",
    "renren",
    "thecity",
    "thecity-sandbox",
    "yammer",
];

#[cfg(test)]
mod tests {
    use super::{CURRENT, REMOVED};

    #[test]
    fn the_lists_are_sorted_and_apart() {
        assert!(CURRENT.is_sorted() && REMOVED.is_sorted());
        assert_eq!((CURRENT.len(), REMOVED.len()), (55, 7));
        assert!(REMOVED.iter().all(|name| !CURRENT.contains(name)));
    }
}
