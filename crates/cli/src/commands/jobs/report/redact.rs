//! Names in place of the ids of people: the same for the same id within one report, and of no use to anyone else.

use std::{
    borrow::Cow,
    hash::{BuildHasher, RandomState},
};

use unlink_batch::Row;

/// What ids are called in a report.
pub(super) struct Names(Option<RandomState>);

impl Names {
    /// Hashed by a key that is kept nowhere, or as they are.
    pub(super) fn new(redact: bool) -> Self {
        Self(redact.then(RandomState::new))
    }

    pub(super) const fn are_redacted(&self) -> bool {
        self.0.is_some()
    }

    /// A whole user id; its provider stays.
    pub(super) fn user<'a>(&self, id: &'a str) -> Cow<'a, str> {
        match (&self.0, id.split_once('|')) {
            (None, _) => Cow::Borrowed(id),
            (Some(key), Some((provider, rest))) => {
                format!("{provider}|{}", hashed(key, rest)).into()
            }
            (Some(key), None) => hashed(key, id).into(),
        }
    }

    /// The id inside an identity.
    pub(super) fn id<'a>(&self, id: &'a str) -> Cow<'a, str> {
        match &self.0 {
            None => Cow::Borrowed(id),
            Some(key) => hashed(key, id).into(),
        }
    }

    /// What was said of a row, without its ids and without anything that looks like an e-mail address.
    pub(super) fn message<'a>(&self, message: &'a str, row: &Row) -> Cow<'a, str> {
        let Some(key) = &self.0 else {
            return Cow::Borrowed(message);
        };
        let whole = format!("{}|{}", row.provider, row.identity_user_id);
        let mut text = message
            .replace(&row.user_id, &self.user(&row.user_id))
            .replace(
                &whole,
                &format!("{}|{}", row.provider, self.id(&row.identity_user_id)),
            );
        // A short id may be part of any word or number.
        if row.identity_user_id.len() > 4 {
            text = text.replace(&row.identity_user_id, &self.id(&row.identity_user_id));
        }
        let words = text.split_inclusive(char::is_whitespace).map(|word| {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
            match bare.contains('@') {
                true => Cow::Owned(word.replace(bare, &hashed(key, bare))),
                false => Cow::Borrowed(word),
            }
        });
        words.collect::<String>().into()
    }
}

/// As in the traces of the library.
fn hashed(key: &RandomState, id: &str) -> String {
    format!("#{:016x}", key.hash_one(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_has_the_same_name_and_no_other_report_has_it() {
        let (one, other) = (Names::new(true), Names::new(true));
        let name = one.user("sms|+15551234").into_owned();
        assert!(name.starts_with("sms|#") && !name.contains("555"), "{name}");
        assert_eq!(one.user("sms|+15551234"), name);
        assert_ne!(one.user("sms|+15551235"), name);
        assert_ne!(other.user("sms|+15551234"), name);
        assert_eq!(
            name,
            format!("sms|{}", one.id("+15551234")),
            "an account of its own is known again"
        );
        assert_eq!(Names::new(false).user("sms|+15551234"), "sms|+15551234");
    }
}
