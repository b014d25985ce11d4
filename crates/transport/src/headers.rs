//! Which headers a caller may add to requests, and why not the others: pure.

use http::{HeaderName, HeaderValue};

use crate::error::{Error, ErrorKind};

/// Reads a header of the caller's own, and refuses what would change where a request goes, whose it is, what it does
/// or how its answer reads.
pub(crate) fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let refuse = |problem: String| Error::new(ErrorKind::Input, problem);
    let name: HeaderName = name
        .parse()
        .map_err(|_| refuse("not the name of a header".to_owned()))?;
    let value =
        HeaderValue::from_str(value).map_err(|_| refuse("not the value of a header".to_owned()))?;
    match reserved(name.as_str()) {
        Some(why) => Err(refuse(format!("the header {name} cannot be added: {why}"))),
        None => Ok((name, value)),
    }
}

/// Why the header of this name, in lower case, is not the caller's to set, if it is not.
fn reserved(name: &str) -> Option<&'static str> {
    Some(match name {
        "authorization" | "cookie" => "the token alone says whose a request is",
        "host" => "requests go to the tenant, and so does the token",
        "accept" | "accept-encoding" | "range" => "answers are read as whole, plain JSON",
        "connection" | "expect" | "http2-settings" | "keep-alive" | "te" | "trailer"
        | "transfer-encoding" | "upgrade" => "it is about the connection, which requests share",
        "x-http-method" | "x-http-method-override" | "x-method-override" => {
            "it would make another request of this one"
        }
        "user-agent" => "the client's settings have a user agent",
        "auth0-client" => "the client's settings have telemetry, which is off unless asked for",
        _ if name.starts_with("content-") => "it describes the body, which is the request's own",
        _ if name.starts_with("if-") => "answers are judged by what they list, not by conditions",
        _ if name.starts_with("proxy-") => {
            "the tenant must not see what is for a proxy; the client's settings have one"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_adds_what_is_not_the_clients_own() {
        let own = [
            // Whose a request is, and where it goes.
            "Authorization",
            "Cookie",
            "Host",
            // What an answer is: gzip would hide it, a range would cut it, a condition would leave it out.
            "Accept",
            "Accept-Encoding",
            "Range",
            "If-Match",
            "If-Modified-Since",
            "If-None-Match",
            "If-Range",
            "If-Unmodified-Since",
            // The connection's, which HTTP/2 refuses and HTTP/1.1 would act on.
            "Connection",
            "Expect",
            "HTTP2-Settings",
            "Keep-Alive",
            "Proxy-Connection",
            "TE",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
            // A proxy's, which is not the tenant.
            "Proxy-Authenticate",
            "Proxy-Authorization",
            // What is sent.
            "Content-Encoding",
            "Content-Length",
            "Content-Type",
            "X-HTTP-Method",
            "X-HTTP-Method-Override",
            "X-Method-Override",
            // Settings of the client have these, once for all.
            "User-Agent",
            "Auth0-Client",
        ];
        for name in own {
            let error = parse(name, "planted").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input, "{name}");
            let (told, name) = (error.to_string(), name.to_ascii_lowercase());
            assert!(
                told.contains(&format!("the header {name} cannot")),
                "{told}"
            );
            assert!(!told.contains("planted"), "{told}");
        }
        for name in [
            "X-Correlation-ID",
            "x-request-id",
            "traceparent",
            "baggage",
            "Accept-Language",
            "X-Forwarded-For",
            "Auth0-Forwarded-For",
            "Iffy",
        ] {
            let (parsed, value) = parse(name, "job-1").unwrap();
            assert_eq!(
                (parsed.as_str(), value),
                (&*name.to_ascii_lowercase(), "job-1".parse().unwrap())
            );
        }
        for (name, value) in [("not a name", "x"), ("", "x"), ("x-other", "a\nb")] {
            assert_eq!(
                parse(name, value).unwrap_err().kind(),
                ErrorKind::Input,
                "{name}"
            );
        }
    }
}
