//! The only place where a request path is made: segments in, one encoding, no way out of the endpoint.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything outside RFC 3986's unreserved set is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What `http::Uri` can hold, less room for scheme and host.
const MAX_LEN: usize = u16::MAX as usize - 512;

/// An encoded request path, with its query if it has one.
///
/// Each segment is percent-encoded exactly once, so an id can neither cut the path short (`?`, `#`) nor
/// add to it (`/`), and an id that already contains `%3A` arrives as it is. Empty and dot segments are
/// refused: on the way they would turn one operation into another, such as *unlink* into *delete user*.
///
/// ```
/// use transport::Path;
///
/// let path = Path::new(["api", "v2", "users", "auth0|1#", "identities", "google-oauth2", "2"])?;
/// assert_eq!(path.as_str(), "/api/v2/users/auth0%7C1%23/identities/google-oauth2/2");
/// assert!(Path::new(["api", "v2", "users", ".."]).is_err());
/// # Ok::<(), transport::PathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    text: String,
    has_query: bool,
}

impl Path {
    /// Joins segments into a path, encoding each one once.
    ///
    /// # Errors
    ///
    /// [`PathError`] when there is no segment, one is empty, `.` or `..`, or all of it is too long for a URI.
    pub fn new<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Result<Self, PathError> {
        let mut text = String::new();
        for (index, segment) in segments.into_iter().enumerate() {
            let segment = segment.as_ref();
            if matches!(segment, "" | "." | "..") {
                return Err(PathError::Segment {
                    index,
                    segment: segment.to_owned(),
                });
            }
            text.push('/');
            text.extend(utf8_percent_encode(segment, RESERVED));
        }
        if text.is_empty() {
            return Err(PathError::Segment {
                index: 0,
                segment: String::new(),
            });
        }
        Self {
            text,
            has_query: false,
        }
        .checked()
    }

    /// Adds one query parameter, name and value encoded like a segment.
    ///
    /// # Errors
    ///
    /// [`PathError::TooLong`] when it no longer fits a URI.
    pub fn query(mut self, name: &str, value: &str) -> Result<Self, PathError> {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.extend(utf8_percent_encode(name, RESERVED));
        self.text.push('=');
        self.text.extend(utf8_percent_encode(value, RESERVED));
        self.checked()
    }

    /// The path as it goes out, `?query` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn checked(self) -> Result<Self, PathError> {
        if self.text.len() > MAX_LEN {
            return Err(PathError::TooLong {
                length: self.text.len(),
            });
        }
        Ok(self)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a path was refused; nothing has been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// A segment is empty, `.` or `..`.
    #[non_exhaustive]
    Segment {
        /// Its place in the path, from 0.
        index: usize,
        /// What it was.
        segment: String,
    },
    /// The encoded path does not fit a URI.
    #[non_exhaustive]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment { index, segment } if segment.is_empty() => {
                write!(f, "path segment {index} is empty")
            }
            Self::Segment { index, segment } => {
                write!(
                    f,
                    "path segment {index} is \"{segment}\", which would change the path around it"
                )
            }
            Self::TooLong { length } => {
                write!(
                    f,
                    "the path has {length} bytes, more than the {MAX_LEN} a URI can hold"
                )
            }
        }
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    /// The path of the unlink operation with `id` in one of its three variable places.
    fn unlink_path(place: usize, id: &str) -> Result<Path, PathError> {
        let mut variables = ["auth0|1", "google-oauth2", "2"];
        variables[place] = id;
        let [user, provider, identity] = variables;
        Path::new(["api", "v2", "users", user, "identities", provider, identity])
    }

    #[test]
    fn hostile_ids_stay_inside_their_segment() {
        let long = "x".repeat(10_000);
        let table = [
            ("a|b", "a%7Cb"),
            ("a/b", "a%2Fb"),
            ("/", "%2F"),
            ("../..", "..%2F.."),
            ("a?b", "a%3Fb"),
            ("1#", "1%23"),
            ("100%", "100%25"),
            ("eip155%3A5", "eip155%253A5"),
            ("a b", "a%20b"),
            ("é", "%C3%A9"),
            ("🦀", "%F0%9F%A6%80"),
            ("%2e%2e", "%252e%252e"),
            ("...", "..."),
            ("a\nb", "a%0Ab"),
            ("a@b.c", "a%40b.c"),
            ("!'()*~", "%21%27%28%29%2A~"),
            (&long, &long),
        ];
        for (id, wire) in table {
            let before = ["auth0%7C1", "google-oauth2", "2"];
            for place in 0..3 {
                let mut expected = before;
                expected[place] = wire;
                let [user, provider, identity] = expected;
                let path = unlink_path(place, id).unwrap();
                assert_eq!(
                    path.as_str(),
                    format!("/api/v2/users/{user}/identities/{provider}/{identity}")
                );
                let uri: http::Uri = path.as_str().parse().unwrap();
                assert_eq!(uri.path(), path.as_str(), "the URI parser keeps all of it");
                assert_eq!(uri.query(), None);
            }
        }
    }

    #[test]
    fn empty_and_dot_segments_are_refused_in_every_place() {
        for id in ["", ".", ".."] {
            for (place, index) in [(0, 3), (1, 5), (2, 6)] {
                let error = unlink_path(place, id).unwrap_err();
                assert_eq!(
                    error,
                    PathError::Segment {
                        index,
                        segment: id.to_owned()
                    }
                );
            }
        }
        assert!(Path::new::<&str>([]).is_err());
    }

    #[test]
    fn a_path_that_no_uri_can_hold_is_refused() {
        let error = unlink_path(2, &"🦀".repeat(10_000)).unwrap_err();
        assert!(matches!(error, PathError::TooLong { length } if length > 120_000));
    }

    #[test]
    fn query_values_are_encoded() {
        let path = Path::new(["api"]).unwrap().query("fields", "a,b").unwrap();
        let path = path.query("q", "x&y=#").unwrap();
        assert_eq!(path.as_str(), "/api?fields=a%2Cb&q=x%26y%3D%23");
    }

    proptest! {
        #[test]
        fn decoding_the_path_gives_back_the_segments(segments in prop::collection::vec(".{1,40}", 1..6)) {
            prop_assume!(segments.iter().all(|s| s != "." && s != ".."));
            let path = Path::new(&segments).unwrap();
            let decoded: Vec<_> = path.as_str()[1..]
                .split('/')
                .map(|s| percent_decode_str(s).decode_utf8().unwrap().into_owned())
                .collect();
            prop_assert_eq!(decoded, segments);
        }
    }
}
