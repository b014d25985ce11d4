//! Finds keys that are a slip of the pen away from a documented one.

/// The documented keys of a user that are long enough to be recognised when misspelt.
const DOCUMENTED: &[&str] = &[
    "app_metadata",
    "blocked",
    "created_at",
    "email_verified",
    "family_name",
    "given_name",
    "identities",
    "last_login",
    "last_password_reset",
    "logins_count",
    "multifactor",
    "nickname",
    "phone_number",
    "phone_verified",
    "updated_at",
    "user_id",
    "user_metadata",
    "username",
];

/// Documented keys too short for that.
const SHORT: &[&str] = &["email", "last_ip", "name", "picture"];

/// The documented key that `key` most likely means, if it is not itself one.
pub(crate) fn misspelt(key: &str) -> Option<&'static str> {
    if DOCUMENTED.contains(&key) || SHORT.contains(&key) {
        return None;
    }
    let slip = |documented: &&str| {
        let near = key.len().abs_diff(documented.len()) <= 1;
        letters(documented).eq(letters(key)) || (near && distance(key, documented) == 1)
    };
    DOCUMENTED.iter().copied().find(slip)
}

fn letters(key: &str) -> impl Iterator<Item = char> {
    key.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::misspelt;

    #[test]
    fn slips_are_found_and_other_keys_left_alone() {
        assert_eq!(misspelt("userMetadata"), Some("user_metadata"));
        assert_eq!(misspelt("usermetadata"), Some("user_metadata"));
        assert_eq!(misspelt("app_metdata"), Some("app_metadata"));
        for fine in [
            "user_metadata",
            "locale",
            "upn",
            "picture",
            "last_ip",
            "name",
            "email",
        ] {
            assert_eq!(misspelt(fine), None, "{fine}");
        }
    }
}
