//! A seed from an export of users, as a real tenant's job makes it.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value, json};

use crate::seed::{Seed, SeedError};

const GZIP: [u8; 2] = [0x1f, 0x8b];

impl Seed {
    /// Reads a file that is a seed, as [`from_json`](Self::from_json) takes it, or an export, as
    /// [`from_export`](Self::from_export) does: an export is gzip, or has a user on its first line.
    ///
    /// # Errors
    /// As of the one it is.
    pub fn from_file(file: impl AsRef<[u8]>) -> Result<Self, SeedError> {
        let file = file.as_ref();
        let text = match std::str::from_utf8(file) {
            Ok(text) if !file.starts_with(&GZIP) => text,
            _ => return Self::from_export(file),
        };
        let first = text.lines().find(|line| !line.trim().is_empty());
        let first: Option<Map<String, Value>> =
            first.and_then(|line| serde_json::from_str(line).ok());
        match first {
            Some(user) if user.contains_key("user_id") => Self::from_export(file),
            _ => Self::from_json(text),
        }
    }

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
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::Seed;

    #[test]
    fn a_file_is_told_by_how_it_begins() {
        let identities = r#"[{"connection":"a","provider":"a","user_id":"1"}]"#;
        let user = format!(r#"{{"user_id":"a|1","identities":{identities}}}"#);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(user.as_bytes()).unwrap();
        let seed = format!("\n{{ \"users\":\n[{user}] }}");
        for file in [
            user.clone().into_bytes(),
            packed.finish().unwrap(),
            seed.into_bytes(),
            b"{\"users\": []}".to_vec(),
        ] {
            assert!(Seed::from_file(&file).is_ok(), "{file:?}");
        }
        let path = |file: &str| Seed::from_file(file).unwrap_err().path().to_owned();
        assert_eq!(path(&format!("{user}\n[1]")), "users[1]");
        assert_eq!(path("{\"users\": [1]}"), "users[0]");
        assert!(Seed::from_file([0xff]).is_err());
    }

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
