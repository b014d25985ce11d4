//! A client over a script, and what it sent.

use transport::ScriptedRoundTrip;
use unlink::{AccessToken, Client};

pub(crate) fn client(script: &ScriptedRoundTrip) -> Client {
    let token = AccessToken::new("token").unwrap();
    let transport = transport::Client::builder("example.auth0.com".parse().unwrap(), token);
    transport.round_trip(script.clone()).build().unwrap().into()
}

/// Method and path of each request.
pub(crate) fn sent(script: &ScriptedRoundTrip) -> Vec<String> {
    let line = |request: &http::Request<bytes::Bytes>| {
        [request.method().as_str(), request.uri().path()].join(" ")
    };
    script.requests().iter().map(line).collect()
}
