//! Who may touch what: sockets, clocks, files, JSON and the names of the libraries behind them.

use super::{Violation, workspace::Workspace};

/// A name that gives a power away.
enum Sign {
    /// The path itself, and everything under it.
    Under(&'static str),
    /// A path, macro or method with this end, however it was imported; a method with its dot and parenthesis.
    Ending(&'static str),
    /// Another name or all names for a crate's modules and functions; a type's own may be renamed.
    Renamed(&'static str),
}

use Sign::{Ending, Renamed, Under};

struct Power {
    what: &'static str,
    signs: &'static [Sign],
    /// Harmless names among the signs.
    harmless: &'static [&'static str],
    /// Starts of the paths the rule is about; everything when empty.
    about: &'static [&'static str],
    /// Starts of the paths that have the power.
    granted: &'static [&'static str],
    advice: &'static str,
}

const TRANSPORT_HYPER: [&str; 2] = [
    "crates/transport/src/hyper.rs",
    "crates/transport/src/hyper/",
];

const POWERS: &[Power] = &[
    Power {
        what: "the HTTP and TLS library",
        signs: &[
            Under("hyper"),
            Under("hyper_util"),
            Under("hyper_rustls"),
            Under("rustls"),
            Under("rustls_platform_verifier"),
        ],
        harmless: &[],
        about: &[],
        granted: &[TRANSPORT_HYPER[0], TRANSPORT_HYPER[1], "crates/sandbox/"],
        advice: "go through transport's RoundTrip (its own module is `crate::hyper`)",
    },
    Power {
        what: "the HTTP server library",
        signs: &[Under("axum"), Under("tower_http")],
        harmless: &[],
        about: &[],
        granted: &["crates/sandbox/"],
        advice: "only the sandbox serves",
    },
    Power {
        what: "a socket",
        signs: &[
            Under("std::net"),
            Under("core::net"),
            Under("tokio::net"),
            Under("std::os::unix::net"),
        ],
        harmless: &["IpAddr", "Ipv4Addr", "Ipv6Addr"],
        about: &[],
        granted: &[TRANSPORT_HYPER[0], TRANSPORT_HYPER[1], "crates/sandbox/"],
        advice: "go through transport's RoundTrip",
    },
    Power {
        what: "a clock",
        // Whatever it is the `now` of: an `Instant`, a `SystemTime`, a `jiff::Zoned` or another name for one.
        signs: &[Ending("now"), Ending("elapsed"), Ending(".elapsed()")],
        // The demonstration's, which asks the tenant.
        harmless: &["Account"],
        about: &[],
        granted: &[
            "crates/transport/src/time.rs",
            TRANSPORT_HYPER[0],
            TRANSPORT_HYPER[1],
            "crates/batch/",
            "crates/sandbox/src/clock.rs",
            "xtask/",
        ],
        advice: "take `now` as an argument, or use the Time that the client was given",
    },
    Power {
        what: "a sleep",
        signs: &[
            Ending("thread::sleep"),
            Ending("sleep_until"),
            Ending("park_timeout"),
            Ending(".park_timeout("),
            Ending(".recv_timeout("),
            Ending(".wait_timeout("),
            Under("tokio::time"),
        ],
        harmless: &[],
        about: &[],
        granted: &[
            "crates/transport/src/time.rs",
            TRANSPORT_HYPER[0],
            TRANSPORT_HYPER[1],
            "crates/batch/",
            // Its faults are delays and bodies that trickle, in real time.
            "crates/sandbox/src/app.rs",
            "crates/sandbox/src/delivery.rs",
            // A breather when connections cannot be taken.
            "crates/sandbox/src/server.rs",
            // Programs of others are not waited for without end.
            "xtask/src/contract/",
        ],
        advice: "use the Time that the client was given; nothing else waits",
    },
    Power {
        what: "environment, files or standard streams",
        signs: &[
            Under("std::env"),
            Under("std::fs"),
            Under("std::os::unix::fs"),
            Under("tokio::fs"),
            Ending("Path::canonicalize"),
            Ending("Path::exists"),
            Ending("Path::is_dir"),
            Ending("Path::is_file"),
            Ending("Path::metadata"),
            Ending("Path::try_exists"),
            Ending(".canonicalize()"),
            Ending(".exists()"),
            Ending(".is_dir()"),
            Ending(".is_file()"),
            Ending(".is_symlink()"),
            Ending(".metadata()"),
            Ending(".read_dir()"),
            Ending(".read_link()"),
            Ending(".symlink_metadata()"),
            Ending(".try_exists()"),
            Ending("io::stdin"),
            Ending("io::stdout"),
            Ending("io::stderr"),
            Ending("print!"),
            Ending("println!"),
            Ending("eprint!"),
            Ending("eprintln!"),
        ],
        harmless: &[],
        about: &[],
        granted: &[
            "crates/cli/",
            "crates/batch/",
            "crates/sandbox/src/seed.rs",
            "crates/sandbox/src/tls.rs",
            "xtask/",
        ],
        advice: "take text or a writer as an argument; the command line reads and prints",
    },
    Power {
        what: "another program",
        signs: &[
            Under("std::process"),
            Under("tokio::process"),
            Ending("process::Command"),
        ],
        // How this one ends, and which one it is.
        harmless: &["ExitCode", "id"],
        about: &[],
        granted: &["xtask/"],
        advice: "nothing in the product starts a program",
    },
    Power {
        what: "a secret in clear",
        signs: &[Ending("expose"), Ending(".expose()")],
        // What a tenant answered; its types redact the secrets in it.
        harmless: &[".body().expose()"],
        about: &[],
        granted: &[
            // The `Authorization` header, and what a token says of itself.
            "crates/transport/src/token.rs",
            // The bodies of token requests.
            "crates/transport/src/client_credentials.rs",
            "crates/transport/src/private_key.rs",
            // An ID token is what proves the account to link: it goes into the body of that request.
            "crates/unlink/src/link.rs",
            // The same token from its file, on its way there.
            "crates/cli/src/commands/link.rs",
            // Reads what an access token says of itself, to tell missing scopes.
            "crates/cli/src/sent.rs",
        ],
        advice: "pass the redacting type on; of an answer, say `.body().expose()` in one go",
    },
    Power {
        what: "a name of the standard library or the runtime that nobody can follow",
        signs: &[
            Ending("std::*"),
            Ending("core::*"),
            Ending("tokio::*"),
            Renamed("std"),
            Renamed("core"),
            Renamed("tokio"),
        ],
        harmless: &[],
        about: &[],
        granted: &[],
        advice: "import it by its own name",
    },
    Power {
        what: "JSON",
        signs: &[Under("serde_json")],
        harmless: &[],
        about: &[],
        granted: &[
            "crates/identity-model/",
            "crates/transport/src/error.rs",
            "crates/transport/src/token",
            "crates/transport/src/client_credentials.rs",
            "crates/transport/src/private_key.rs",
            "crates/unlink/",
            "crates/batch/",
            "crates/sandbox/",
            "crates/cli/",
            "xtask/",
        ],
        advice: "transport reads error and token bodies only; whoever knows the operation decodes its answer",
    },
    Power {
        what: "the asynchronous runtime",
        signs: &[Under("tokio")],
        harmless: &[],
        about: &["crates/identity-model/", "crates/unlink/", "crates/web/"],
        granted: &[],
        advice: "use the client's RoundTrip and Time, which a browser can provide too",
    },
    Power {
        what: "sending",
        signs: &[Ending(".round_trip("), Ending("round_trip")],
        harmless: &[],
        about: &[],
        granted: &["crates/transport/src/call.rs"],
        advice: "there is one loop that sends and retries; give it a request",
    },
    Power {
        what: "a loop or a header name",
        signs: &[
            Ending("loop"),
            Ending("while"),
            Ending("for .."),
            Ending(".header("),
            Ending(".headers()"),
            Ending(".headers_mut()"),
            Ending(".with_header("),
            Under("http::header"),
            Under("http::HeaderName"),
            Under("http::HeaderValue"),
        ],
        harmless: &[],
        about: &["crates/unlink/"],
        granted: &[],
        advice: "the facade is thin: loops and headers are transport's",
    },
    Power {
        what: "a call for each of many",
        signs: &[Ending("for")],
        harmless: &[],
        about: &["crates/unlink/"],
        // Looks once at each account that the id may stand for, and at each connection an account may be of.
        granted: &["crates/unlink/src/client.rs", "crates/unlink/src/link.rs"],
        advice: "the facade is thin: repeating is transport's, and many are the caller's",
    },
];

/// No product source uses a power that it was not granted.
pub(super) fn only_where_granted(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, code) in workspace.product_sources() {
        let starts = |starts: &[&str]| starts.iter().any(|start| path.starts_with(start));
        for power in POWERS {
            if starts(power.granted) || !(power.about.is_empty() || starts(power.about)) {
                continue;
            }
            for name in code
                .names
                .iter()
                .filter(|name| power.is_shown_by(&name.text))
            {
                let advice = format!(
                    "`{}` is {}, which this file may not touch: {}",
                    name.text, power.what, power.advice
                );
                violations.push(Violation::new(path, name.line, advice));
            }
        }
    }
    violations
}

impl Power {
    fn is_shown_by(&self, name: &str) -> bool {
        let is_harmless = name.split("::").any(|part| self.harmless.contains(&part));
        !is_harmless && self.signs.iter().any(|sign| sign.is_in(name))
    }
}

impl Sign {
    fn is_in(&self, name: &str) -> bool {
        match self {
            Under(path) => name
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
            Ending(end) => name.strip_suffix(end).is_some_and(|rest| {
                rest.is_empty() || rest.ends_with("::") || end.starts_with('.')
            }),
            Renamed(root) => name.split_once(" as ").is_some_and(|(path, _)| {
                let is_type = |last: &str| last.starts_with(char::is_uppercase);
                Under(root).is_in(path) && !path.rsplit("::").next().is_some_and(is_type)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::workspace::fake, only_where_granted};

    /// The power that the only line of a file is found to use, if any.
    fn found(path: &str, code: &str) -> Vec<String> {
        let violations = only_where_granted(&fake::files(&[(path, code)]));
        violations
            .iter()
            .map(|violation| violation.advice.split(" is ").nth(1).unwrap())
            .map(|advice| advice.split(", which").next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_breach_is_named_with_its_place_and_a_way_out() {
        let workspace = fake::files(&[(
            "crates/unlink/src/lib.rs",
            "//! x\nuse std::{\n    fmt,\n    fs,\n};\n",
        )]);
        let violations = only_where_granted(&workspace);
        assert_eq!(violations.len(), 1);
        insta::assert_snapshot!(violations[0], @"crates/unlink/src/lib.rs:4: `std::fs` is environment, files or standard streams, which this file may not touch: take text or a writer as an argument; the command line reads and prints");
    }

    #[test]
    fn each_power_is_seen_outside_its_files_and_not_inside() {
        let library = "the HTTP and TLS library";
        let streams = "environment, files or standard streams";
        for (what, code, outside, inside) in [
            (
                library,
                "use hyper::Request;",
                "transport/src/client.rs",
                "transport/src/hyper.rs",
            ),
            (
                library,
                "use hyper_util::rt;",
                "unlink/src/lib.rs",
                "transport/src/hyper/pool.rs",
            ),
            (
                library,
                "hyper_rustls::x();",
                "cli/src/main.rs",
                "sandbox/src/tls.rs",
            ),
            (
                library,
                "use {bytes::Bytes, rustls::X};",
                "transport/src/time.rs",
                "sandbox/src/lib.rs",
            ),
            (
                "the HTTP server library",
                "use axum::Router;",
                "cli/src/main.rs",
                "sandbox/src/serve.rs",
            ),
            (
                "a socket",
                "std::net::TcpStream::connect(x);",
                "cli/src/main.rs",
                "transport/src/hyper.rs",
            ),
            (
                "a socket",
                "use tokio::net;",
                "batch/src/lib.rs",
                "sandbox/src/serve.rs",
            ),
            (
                "a clock",
                "Instant::now();",
                "unlink/src/lib.rs",
                "transport/src/time.rs",
            ),
            (
                "a clock",
                "SystemTime::now();",
                "sandbox/src/jwt.rs",
                "sandbox/src/clock.rs",
            ),
            (
                "a sleep",
                "std::thread::sleep(d);",
                "transport/src/retry.rs",
                "batch/src/pace.rs",
            ),
            (
                "a sleep",
                "use tokio::{time::sleep};",
                "cli/src/main.rs",
                "batch/src/lib.rs",
            ),
            (
                "a sleep",
                "tokio::time::sleep(d);",
                "sandbox/src/clock.rs",
                "sandbox/src/delivery.rs",
            ),
            (
                "a clock",
                "SystemTime::now();",
                "sandbox/src/delivery.rs",
                "batch/src/lib.rs",
            ),
            (
                streams,
                "use std::env;",
                "transport/src/client.rs",
                "cli/src/main.rs",
            ),
            (
                streams,
                "std::fs::read(x);",
                "sandbox/src/state.rs",
                "sandbox/src/seed.rs",
            ),
            (
                streams,
                "io::stdout();",
                "unlink/src/lib.rs",
                "batch/src/report.rs",
            ),
            (
                streams,
                "println!();",
                "identity-model/src/user.rs",
                "cli/src/output.rs",
            ),
            (
                "JSON",
                "use serde_json::Value;",
                "transport/src/client.rs",
                "transport/src/error.rs",
            ),
            (
                "JSON",
                "serde_json::from_str(x);",
                "transport/src/path.rs",
                "transport/src/tokens.rs",
            ),
            (
                "the asynchronous runtime",
                "tokio::spawn(x);",
                "unlink/src/lib.rs",
                "cli/src/main.rs",
            ),
            (
                "sending",
                "a.round_trip(request, limit).await;",
                "unlink/src/lib.rs",
                "transport/src/call.rs",
            ),
            (
                "a loop or a header name",
                "loop {}",
                "unlink/src/lib.rs",
                "transport/src/call.rs",
            ),
            (
                "a loop or a header name",
                "use http::header::DATE;",
                "unlink/src/lib.rs",
                "transport/src/client.rs",
            ),
            (
                "a secret in clear",
                "token.expose().len();",
                "unlink/src/client.rs",
                "transport/src/token.rs",
            ),
            (
                "a secret in clear",
                "AccessToken::expose(&token);",
                "unlink/src/client.rs",
                "transport/src/token.rs",
            ),
            (
                "a secret in clear",
                "x.map(AccessToken::expose);",
                "unlink/src/client.rs",
                "transport/src/token.rs",
            ),
            (
                "a secret in clear",
                "let b = r.body();\nb.expose();",
                "unlink/src/client.rs",
                "transport/src/token.rs",
            ),
            (
                "a secret in clear",
                "<T>::expose(&t);",
                "unlink/src/client.rs",
                "transport/src/token.rs",
            ),
            (
                "a secret in clear",
                "token.expose();",
                "transport/src/call.rs",
                "transport/src/client_credentials.rs",
            ),
            (
                "a secret in clear",
                "token.expose();",
                "cli/src/show.rs",
                "unlink/src/link.rs",
            ),
            (
                "sending",
                "RoundTrip::round_trip(a, b);",
                "unlink/src/lib.rs",
                "transport/src/call.rs",
            ),
            (
                "sending",
                "<dyn RoundTrip>::round_trip(a, b);",
                "unlink/src/lib.rs",
                "transport/src/call.rs",
            ),
            (
                "a sleep",
                "std::thread::park_timeout(d);",
                "transport/src/retry.rs",
                "batch/src/pace.rs",
            ),
            (
                "a sleep",
                "use std::thread::park_timeout;",
                "transport/src/retry.rs",
                "batch/src/pace.rs",
            ),
            (
                "a sleep",
                "thread.recv_timeout(d);",
                "transport/src/retry.rs",
                "batch/src/pace.rs",
            ),
            (
                "a clock",
                "jiff::Timestamp::now();",
                "unlink/src/lib.rs",
                "transport/src/time.rs",
            ),
            (
                "a clock",
                "Zoned::now();",
                "unlink/src/lib.rs",
                "transport/src/time.rs",
            ),
            (
                "a clock",
                "UNIX_EPOCH.elapsed();",
                "unlink/src/lib.rs",
                "transport/src/time.rs",
            ),
            (
                "a clock",
                "SystemTime::elapsed(&x);",
                "unlink/src/lib.rs",
                "transport/src/time.rs",
            ),
            (
                "a clock",
                "x.get_or_init(Moment::now);",
                "unlink/src/lib.rs",
                "transport/src/time.rs",
            ),
            (
                "another program",
                "std::process::Command::new(x);",
                "cli/src/main.rs",
                "transport/tests/it/a.rs",
            ),
            (
                "another program",
                "use std::process;",
                "cli/src/main.rs",
                "transport/tests/it/a.rs",
            ),
            (
                "another program",
                "use std::process::Command;",
                "cli/src/main.rs",
                "transport/tests/it/a.rs",
            ),
            (
                "environment, files or standard streams",
                "path.exists();",
                "unlink/src/lib.rs",
                "batch/src/job.rs",
            ),
            (
                "environment, files or standard streams",
                "path.metadata();",
                "unlink/src/lib.rs",
                "batch/src/job.rs",
            ),
            (
                "environment, files or standard streams",
                "path.canonicalize();",
                "unlink/src/lib.rs",
                "batch/src/job.rs",
            ),
            (
                "environment, files or standard streams",
                "a.b().is_file();",
                "unlink/src/lib.rs",
                "batch/src/job.rs",
            ),
            (
                "environment, files or standard streams",
                "Path::exists(p);",
                "unlink/src/lib.rs",
                "batch/src/job.rs",
            ),
            (
                "a name of the standard library or the runtime that nobody can follow",
                "use std as s;",
                "batch/src/lib.rs",
                "batch/tests/it/a.rs",
            ),
            (
                "a name of the standard library or the runtime that nobody can follow",
                "use std::*;",
                "batch/src/lib.rs",
                "batch/tests/it/a.rs",
            ),
            (
                "a name of the standard library or the runtime that nobody can follow",
                "extern crate std as s;",
                "batch/src/lib.rs",
                "batch/tests/it/a.rs",
            ),
            (
                "a name of the standard library or the runtime that nobody can follow",
                "use std::thread as t;",
                "batch/src/lib.rs",
                "batch/tests/it/a.rs",
            ),
            (
                "a name of the standard library or the runtime that nobody can follow",
                "use std::{io as x};",
                "batch/src/lib.rs",
                "batch/tests/it/a.rs",
            ),
            (
                "a name of the standard library or the runtime that nobody can follow",
                "use tokio::*;",
                "batch/src/lib.rs",
                "batch/tests/it/a.rs",
            ),
            (
                "a loop or a header name",
                "for _ in 0..3 { call.execute(x).await; }",
                "unlink/src/lib.rs",
                "transport/src/call.rs",
            ),
            (
                "a call for each of many",
                "for wait in waits { call.execute(x).await; }",
                "unlink/src/delete.rs",
                "unlink/src/client.rs",
            ),
            (
                "a loop or a header name",
                "r.headers().get(D);",
                "unlink/src/lib.rs",
                "transport/src/call.rs",
            ),
            (
                "a loop or a header name",
                "r.with_header(a, b);",
                "unlink/src/lib.rs",
                "transport/src/call.rs",
            ),
        ] {
            assert_eq!(
                found(&format!("crates/{outside}"), code),
                [what],
                "{outside} {code}"
            );
            assert!(
                found(&format!("crates/{inside}"), code).is_empty(),
                "{inside} {code}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_power_is_let_through() {
        for code in [
            "mod hyper;",
            "pub use crate::hyper::HyperRoundTrip;",
            "#[cfg(feature = \"hyper\")] use self::hyper::X;",
            "use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};",
            "std::net::Ipv4Addr::LOCALHOST;",
            "use std::time::{Duration, Instant, SystemTime};",
            "env!(\"CARGO_PKG_VERSION\");",
            "// std::fs::read(x)",
            "#[cfg(test)] mod tests { use std::fs; }",
            "sprintln!();",
            "builder.round_trip().x(self.round_trip);",
            "mod round_trip; use round_trip::RoundTrip;",
            "decode(response.body().expose())?;",
            "use std::{error::Error as StdError, fmt::Write as _};",
            "use std::process::ExitCode;",
            "for x in y { z(x); }",
            "time.now().x(self.time);",
        ] {
            assert!(
                found("crates/transport/src/lib.rs", code).is_empty(),
                "{code}"
            );
        }
        assert!(found("crates/transport/tests/it/main.rs", "use std::fs;").is_empty());
    }
}
