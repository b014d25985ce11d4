//! What a tenant says about its rate limit, and how long that means to wait.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

/// The bucket a request was counted against, from the `x-ratelimit-*` headers of its answer.
///
/// See [Auth0's rate limit headers](https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Requests the bucket holds when it is full.
    pub limit: u64,
    /// Requests left in it.
    pub remaining: u64,
    /// Unix time in seconds; Auth0 documents it as the next top-up, recordings show the time of a full bucket.
    pub reset: u64,
}

impl RateLimit {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Some(Self {
            limit: number(headers, "x-ratelimit-limit")?,
            remaining: number(headers, "x-ratelimit-remaining")?,
            reset: number(headers, "x-ratelimit-reset")?,
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

/// When an answer was sent, by the server's own clock.
pub(crate) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, header::DATE.as_str())?).ok()
}

/// The longest that a quota of Auth0's lasts. Who asks for more is asked again then: it may have been a mistake, and a
/// client would keep to it for as long as it lives.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// How long this answer asks to wait, a day at most: `Retry-After`, else the reset header measured against the answer's own `Date`.
///
/// The local clock is never asked: it may be wrong by more than any wait. Never negative.
pub(crate) fn requested_wait(headers: &HeaderMap) -> Option<Duration> {
    asked(headers).map(|wait| wait.min(LONGEST_WAIT))
}

fn asked(headers: &HeaderMap) -> Option<Duration> {
    let date = date(headers);
    if let Some(retry_after) = text(headers, header::RETRY_AFTER.as_str()) {
        if let Ok(seconds) = retry_after.parse() {
            return Some(Duration::from_secs(seconds));
        }
        if let (Ok(at), Some(date)) = (httpdate::parse_http_date(retry_after), date) {
            return Some(at.duration_since(date).unwrap_or_default());
        }
    }
    let reset = SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(number(headers, "x-ratelimit-reset")?))?;
    Some(reset.duration_since(date?).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn waits_follow_the_servers_own_clock() {
        // 784111777 is Sun, 06 Nov 1994 08:49:37 GMT; decades away from this machine's clock.
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (pairs, seconds) in [
            (&[][..], None),
            (&[("retry-after", "7")], Some(7)),
            (&[("retry-after", "0")], Some(0)),
            (&[("retry-after", "-3")], None),
            (&[("retry-after", "86401")], Some(86_400)),
            (&[("x-ratelimit-reset", "999999999999"), date], Some(86_400)),
            (
                &[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"), date],
                Some(10),
            ),
            (
                &[("retry-after", "Sun, 06 Nov 1994 08:49:30 GMT"), date],
                Some(0),
            ),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], None),
            (&[("x-ratelimit-reset", "784111780"), date], Some(3)),
            (&[("x-ratelimit-reset", "784111000"), date], Some(0)),
            (&[("x-ratelimit-reset", "784111780")], None),
            (
                &[
                    ("x-ratelimit-reset", "784111780"),
                    ("retry-after", "1"),
                    date,
                ],
                Some(1),
            ),
            (
                &[
                    ("x-ratelimit-reset", "784111780"),
                    ("retry-after", "soon"),
                    date,
                ],
                Some(3),
            ),
            (&[("x-ratelimit-reset", "99999999999999999999"), date], None),
        ] {
            assert_eq!(
                requested_wait(&headers(pairs)),
                seconds.map(Duration::from_secs),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn a_rate_limit_needs_all_three_headers() {
        let all = [
            ("x-ratelimit-limit", "10"),
            ("x-ratelimit-remaining", "9"),
            ("x-ratelimit-reset", "1574427000"),
        ];
        assert_eq!(
            RateLimit::from_headers(&headers(&all)),
            Some(RateLimit {
                limit: 10,
                remaining: 9,
                reset: 1_574_427_000
            })
        );
        assert_eq!(RateLimit::from_headers(&headers(&all[..2])), None);
    }
}
