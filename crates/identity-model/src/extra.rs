//! The keys of an object that have no accessor of their own, kept as they were written.

use std::fmt;

use serde_core::Deserialize;
use serde_json::value::RawValue;

use crate::DecodeError;
use crate::decode_error::Problem;
use crate::kept::Kept;

/// What else an object held, in its order: keys that are unknown here, and known ones whose value was `null`.
///
/// Values are kept as raw JSON, numbers of any size exactly, without the white space between tokens. `Debug` names the
/// keys and hides the values.
///
/// ```
/// let json = br#"{"provider":"github","expires_in":3600,"big":123456789012345678901234567890}"#;
/// let identity = identity_model::Identity::from_json(json)?;
/// assert_eq!(identity.other().parse::<u32>("expires_in")?, Some(3600));
/// assert_eq!(identity.other().get("big").unwrap().get(), "123456789012345678901234567890");
/// # Ok::<(), identity_model::DecodeError>(())
/// ```
#[derive(Clone, Default)]
pub struct Extra(Vec<(Box<str>, Kept)>);

impl Extra {
    pub(crate) fn push(&mut self, key: &str, value: Kept) {
        self.0.push((key.into(), value));
    }

    /// Returns the raw value of a key, the last one if the key occurs more than once.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.0
            .iter()
            .rev()
            .find(|(name, _)| **name == *key)
            .map(|(_, value)| value.raw())
    }

    /// Reads the value of a key as a type of the caller's; `None` if there is no such key.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] whose path is the key, if the value is not of that type.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self, key: &str) -> Result<Option<T>, DecodeError> {
        self.get(key)
            .map(|value| serde_json::from_str(value.get()))
            .transpose()
            // The cause is dropped, since it may quote the value.
            .map_err(|_| DecodeError::new(&key, Problem::NotAsked))
    }

    /// Iterates over keys and raw values in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (&**key, value.raw()))
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there was nothing else.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(key, value)| (key, value)))
            .finish()
    }
}
