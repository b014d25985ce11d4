//! A JSON value that is kept as it was written.

use std::fmt;

use serde_core::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Raw JSON; `Debug` hides it, since it may be anything.
#[derive(Clone)]
pub(crate) struct Kept(Box<RawValue>);

impl Kept {
    /// Copies a value without the white space between its tokens, so that a line of JSON stays one line.
    pub(crate) fn new(raw: &RawValue) -> Self {
        let (mut in_string, mut escaped) = (false, false);
        let compact = raw.get().chars().filter(|&char| {
            let keep = in_string || !char.is_ascii_whitespace();
            if char == '"' && !escaped {
                in_string = !in_string;
            }
            escaped = in_string && char == '\\' && !escaped;
            keep
        });
        Self(RawValue::from_string(compact.collect()).unwrap_or_else(|_| raw.to_owned()))
    }

    pub(crate) fn raw(&self) -> &RawValue {
        &self.0
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_only_between_tokens() {
        for (written, kept) in [
            ("[ 1 ,\r\n\t2 ]", "[1,2]"),
            (
                r#"{ "a b" : " c\" d\\" , "e" : [ ] }"#,
                r#"{"a b":" c\" d\\","e":[]}"#,
            ),
            (r#""\\ \u0022 ""#, r#""\\ \u0022 ""#),
            (
                "123456789012345678901234567890.10",
                "123456789012345678901234567890.10",
            ),
        ] {
            let raw: &RawValue = serde_json::from_str(written).unwrap();
            assert_eq!(Kept::new(raw).raw().get(), kept);
        }
    }
}
