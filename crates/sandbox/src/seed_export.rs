//! A seed from an export of users, as a real tenant's job makes it.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value, json};

use crate::seed::{Seed, SeedError};

const GZIP: [u8; 2] = [0x1f, 0x8b];

impl Seed {
    /// Reads the file of an [export](https://auth0.com/docs/manage-users/user-migration/bulk-user-exports) in JSON: a user on
    /// each line, gzip or not.
    ///
    /// It has to hold `user_id` and whole `identities`. Keys without a value are passed over.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json), and if the file cannot be unpacked; users are counted by their lines, from 0.
    pub fn from_export(file: impl AsRef<[u8]>) -> Result<Self, SeedError> {
        let file = file.as_ref();
        let mut text = String::new();
        let read = match file.starts_with(&GZIP) {
            true => MultiGzDecoder::new(file).read_to_string(&mut text),
            false => { file }.read_to_string(&mut text),
        };
        read.map_err(|error| SeedError::new("", format!("cannot be read: {error}")))?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let users: Vec<Value> = lines
            .enumerate()
            .map(|(position, line)| user(line, &format!("users[{position}]")))
            .collect::<Result<_, _>>()?;
        Self::from_value(json!({ "users": users }))
    }
}

fn user(line: &str, path: &str) -> Result<Value, SeedError> {
    let user: Map<String, Value> = serde_json::from_str(line)
        .map_err(|error| SeedError::new(path, format!("is not a JSON object: {error}")))?;
    let valued = user.into_iter().filter(|(_, value)| !value.is_null());
    Ok(valued.collect())
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn a_line_that_is_no_user_is_named() {
        let file = "{\"user_id\":\"a|1\",\"email\":null,\"identities\":[{\"connection\":\"a\",\"provider\":\"a\",\"user_id\":\"1\"}]}\n";
        assert!(Seed::from_export(file).is_ok());
        let broken = format!("{file}\n[1]\n");
        assert_eq!(Seed::from_export(broken).unwrap_err().path(), "users[1]");
        let twice = format!("{file}{file}");
        assert_eq!(
            Seed::from_export(twice).unwrap_err().path(),
            "users[1].identities[0]"
        );
        assert!(Seed::from_export([0x1f, 0x8b, 0]).is_err());
    }
}
