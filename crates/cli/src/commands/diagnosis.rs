//! What `doctor` makes of what it saw: a line for each thing that can be wrong, and what to do about it.

use ::unlink::{
    Error, ErrorKind, Tenant,
    transport::{ErrorKind as Request, Hint, RateLimit},
};
use serde::Serialize;

use crate::{
    args::jobs,
    exit::Kind,
    failure::Failure,
    hint,
    io::Paint,
    sent::Claims,
    text::{printable, shown},
};

/// The commands, and the scopes each needs, by an application's token and by a user's own.
const COMMANDS: [(&str, &[&str], &[&str]); 12] = [
    ("list", &["read:users"], &["read:current_user"]),
    ("unlink", &["update:users"], OWN),
    (
        "unlink --delete",
        &["read:users", "update:users", "delete:users"],
        &[],
    ),
    ("link", &["update:users"], &[]),
    (
        "link --connection NAME",
        &["read:connections", "update:users"],
        &[],
    ),
    ("link --id-token-file FILE", &["update:users"], OWN),
    ("plan --export", &["read:users"], &[]),
    ("plan --check", &["read:users"], &[]),
    ("verify --export", &["read:users"], &[]),
    ("apply", &["update:users"], &[]),
    (
        "apply --confirm-tenant NAME",
        &["read:users", "update:users", "delete:users"],
        &[],
    ),
    ("undo", &["read:users", "update:users"], &[]),
];
const OWN: &[&str] = &["update:current_user_identities"];

/// Seconds by which a clock may be off: less has never been a token's trouble.
const TOLERATED_SKEW: u64 = 30;

/// What the read showed.
pub(super) struct Seen<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) credentials: &'a str,
    /// Why it was not answered with success.
    pub(super) refusal: Option<&'a Error>,
    /// What the token says of itself.
    pub(super) claims: Option<&'a Claims>,
    /// Seconds.
    pub(super) clock_ahead: Option<i64>,
    pub(super) is_answered: bool,
    pub(super) rate_limit: Option<RateLimit>,
}

/// What was checked.
#[derive(Serialize)]
struct Check {
    check: &'static str,
    ok: bool,
    message: String,
    hints: Vec<String>,
    #[serde(skip)]
    kind: Option<Kind>,
}

impl Check {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            ok: true,
            message: message.into(),
            hints: Vec::new(),
            kind: None,
        }
    }

    fn problem(check: &'static str, kind: Kind, message: String, hints: Vec<String>) -> Self {
        Self {
            check,
            ok: false,
            message,
            hints,
            kind: Some(kind),
        }
    }

    fn failed(check: &'static str, failure: &Failure) -> Self {
        let hints = failure.hints().to_vec();
        Self::problem(check, failure.kind(), failure.to_string(), hints)
    }
}

/// Everything that was checked, and how it stands.
pub(super) struct Diagnosis<'a> {
    seen: Seen<'a>,
    serves: Vec<&'static str>,
    checks: Vec<Check>,
}

impl<'a> Diagnosis<'a> {
    pub(super) fn new(seen: Seen<'a>) -> Self {
        let serves = serves(seen.claims);
        let mut checks = reached(&seen);
        checks.extend(seen.claims.and_then(|claims| scopes(claims, &serves)));
        // What is no tenant tells nothing of one.
        if seen.is_answered
            && checks
                .iter()
                .all(|check| check.ok || check.check != "tenant")
        {
            checks.extend(seen.clock_ahead.map(clock));
            if !checks.iter().any(|check| check.check == "rate limit") {
                checks.push(Check::ok("rate limit", rate_limit(seen.rate_limit)));
            }
        }
        Self {
            seen,
            serves,
            checks,
        }
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        for check in &self.checks {
            let result = match check.ok {
                true => "ok     ".to_owned(),
                false => paint.error("problem"),
            };
            text += &format!(
                "{result}  {:10}  {}\n",
                check.check,
                printable(&check.message)
            );
            for hint in &check.hints {
                text += &format!("{:21}{} {}\n", "", paint.strong("hint:"), printable(hint));
            }
        }
        text
    }

    pub(super) fn document(&self) -> impl Serialize + use<'_> {
        Document {
            tenant: shown(self.seen.tenant),
            ok: self.problems().next().is_none(),
            checks: &self.checks,
            scopes: self.seen.claims.and_then(Claims::scopes),
            serves: &self.serves,
            clock_ahead: self.seen.clock_ahead,
            rate_limit: self.seen.rate_limit.map(|limit| RateLimitDocument {
                limit: limit.limit,
                remaining: limit.remaining,
                reset: limit.reset,
            }),
        }
    }

    /// The failure to end with, of the first problem's kind.
    pub(super) fn failure(&self) -> Option<Failure> {
        let kind = self.problems().find_map(|problem| problem.kind)?;
        let names: Vec<_> = self.problems().map(|problem| problem.check).collect();
        Some(Failure::new(
            kind,
            format!("not all is well: {}", names.join(", ")),
        ))
    }

    fn problems(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.ok)
    }
}

/// Whether the tenant answers, and whether it takes the token.
fn reached(seen: &Seen<'_>) -> Vec<Check> {
    let tenant = Check::ok("tenant", format!("{} answers", seen.tenant));
    let Some(error) = seen.refusal else {
        return vec![tenant, accepted(seen)];
    };
    let failure = Failure::at(error, seen.tenant);
    let Kind::Operation(ErrorKind::Request(kind)) = failure.kind() else {
        return vec![Check::failed("tenant", &failure)];
    };
    let lacks_a_scope = error
        .request()
        .is_some_and(|request| !request.missing_scopes().is_empty());
    match kind {
        Request::Forbidden if lacks_a_scope => vec![tenant, accepted(seen)],
        Request::RateLimited => vec![tenant, Check::failed("rate limit", &failure)],
        Request::Unauthorized | Request::Forbidden | Request::Token => {
            vec![tenant, Check::failed("token", &failure)]
        }
        // Of this request nothing but the token can be wrong.
        Request::Rejected => vec![
            tenant,
            Check {
                kind: Some(Kind::Credentials),
                ..Check::failed("token", &failure.hint(hint::audience(seen.tenant)))
            },
        ],
        Request::Unavailable => vec![Check::failed("tenant", &failure)],
        _ => vec![Check::failed(
            "tenant",
            &failure.hint(format!(
                "check that {} is the tenant's domain, and the way to it",
                seen.tenant
            )),
        )],
    }
}

fn accepted(seen: &Seen<'_>) -> Check {
    let expires = seen.claims.and_then(Claims::expires_at);
    let expires = expires.map(|at| format!(", and expires at {at}"));
    let message = format!(
        "the {} is accepted{}",
        seen.credentials,
        expires.unwrap_or_default()
    );
    Check::ok("token", message)
}

/// The commands that the token's scopes are enough for; none if it does not say which it has.
fn serves(claims: Option<&Claims>) -> Vec<&'static str> {
    let Some((claims, scopes)) = claims.and_then(|claims| Some((claims, claims.scopes()?))) else {
        return Vec::new();
    };
    let is_own = claims.user().is_some();
    let enough = |(command, of_application, of_user): &(&'static str, &[&str], &[&str])| {
        let needed = if is_own { of_user } else { of_application };
        let has_all = needed.iter().all(|scope| scopes.contains(scope));
        (!needed.is_empty() && has_all).then_some(*command)
    };
    COMMANDS.iter().filter_map(enough).collect()
}

/// Nothing if the token does not say which scopes it has.
fn scopes(claims: &Claims, serves: &[&str]) -> Option<Check> {
    let has = claims.scopes()?;
    let matter = |scope: &&str| {
        COMMANDS
            .iter()
            .any(|(_, needed, own)| needed.contains(scope) || own.contains(scope))
    };
    let (named, others): (Vec<&str>, Vec<&str>) = has.iter().copied().partition(matter);
    let mut message = named.join(" ");
    if named.is_empty() {
        message += "none that matter here";
    }
    if !others.is_empty() {
        message += &format!(" and {} more", others.len());
    }
    if serves.contains(&"unlink") {
        message += &format!("; enough for {}", serves.join(", "));
        return Some(Check::ok("scopes", message));
    }
    let kind = Kind::Operation(ErrorKind::Request(Request::Forbidden));
    let hints = vec![match claims.user() {
        Some(_) => format!("ask for {} when the user logs in", OWN.join(" ")),
        None => hint::missing_scope("update:users"),
    }];
    Some(Check::problem("scopes", kind, message, hints))
}

fn rate_limit(named: Option<RateLimit>) -> String {
    match named {
        Some(limit) => {
            let left = format!("{} of {} requests are left", limit.remaining, limit.limit);
            let limit = u32::try_from(limit.limit).map_or(f64::INFINITY, f64::from);
            let reserved = jobs::usual_reserve(limit);
            if reserved * 4.0 > limit {
                // Of two that is one, and most of what comes in meanwhile is lost.
                format!(
                    "{left}; a job leaves {reserved:.0} to others, which makes it slow, unless told --reserve 0%"
                )
            } else {
                format!("{left}; a job leaves {reserved:.0} to others")
            }
        }
        None => "the answer names none".to_owned(),
    }
}

fn clock(ahead: i64) -> Check {
    match ahead {
        // The tenant says its time to the second.
        -1..=1 => Check::ok("clock", "this machine's clock agrees with the tenant's"),
        _ if ahead.unsigned_abs() <= TOLERATED_SKEW => {
            Check::ok("clock", Hint::ClockOff(ahead).to_string())
        }
        _ => Check::problem(
            "clock",
            Kind::Clock,
            Hint::ClockOff(ahead).to_string(),
            vec!["set it right, by a time server at best".to_owned()],
        ),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    tenant: String,
    ok: bool,
    checks: &'a [Check],
    scopes: Option<Vec<&'a str>>,
    /// The commands that the scopes are enough for.
    serves: &'a [&'static str],
    clock_ahead: Option<i64>,
    rate_limit: Option<RateLimitDocument>,
}

#[derive(Serialize)]
struct RateLimitDocument {
    limit: u64,
    remaining: u64,
    reset: u64,
}
