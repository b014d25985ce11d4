//! SHA-256: of a source as it came, and of what was planned.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind};

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|digit| Some(u8::try_from(digit.to_digit(16)?).unwrap_or(0)))
            .collect();
        let bytes = digits.and_then(|digits| {
            let pairs: Vec<u8> = digits
                .chunks(2)
                .map(|pair| pair[0] << 4 | pair[pair.len() - 1])
                .collect();
            (digits.len() == 64)
                .then(|| pairs.try_into().ok())
                .flatten()
        });
        bytes
            .map(Self)
            .ok_or_else(|| Error::new(ErrorKind::Input, "a digest is 64 hexadecimal digits"))
    }
}

/// Takes a digest piece by piece.
#[derive(Clone, Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes a text with its length before it, so that no two lists of texts are the same bytes.
    pub(crate) fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_one_of_sha256sum_and_reads_back() {
        let mut hasher = Hasher::default();
        hasher.update(b"abc");
        let digest = hasher.finish();
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse::<Digest>().unwrap(), digest);
        for wrong in [
            "",
            "ba78",
            &text[1..],
            &format!("{text}0"),
            &text.replace('b', "g"),
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        let of = |texts: &[&str]| {
            let mut hasher = Hasher::default();
            texts.iter().for_each(|text| hasher.text(text));
            hasher.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    }
}
