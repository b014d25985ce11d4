//! What a plan says at its end: what was planned, who to look at first, how long it takes, and what to run next.

use std::{path::Path, time::Duration};

use serde::Serialize;
use unlink_batch::{CheckCounts, Limit, Plan, View, Warning};

use crate::{
    commands::{
        Run,
        jobs::{beside, path_text, summary::at},
    },
    io::Paint,
    text::{self, count, counted, printable, shown, span},
};

/// A job of more rows than this is better begun with a few that are looked at.
const LARGE: u64 = 100;

/// As long as what an export shows counts as evidence.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many users with a warning are named on the screen; the report has all of them.
pub(super) const NAMED: usize = 20;
/// And in a document.
pub(super) const NAMED_IN_JSON: usize = 1_000;

/// The users to look at before their connection is removed, the first of each kind.
#[derive(Default)]
pub(super) struct Warned {
    main: Vec<String>,
    login: Vec<String>,
    email: Vec<String>,
}

impl Warned {
    pub(super) fn of(view: &View, most: usize) -> Result<Self, unlink_batch::Error> {
        let mut warned = Self::default();
        view.warnings(|user, warning| {
            let users = match warning {
                Warning::MainIdentity => &mut warned.main,
                Warning::Login => &mut warned.login,
                _ => &mut warned.email,
            };
            if users.len() < most {
                users.push(user.to_owned());
            }
            Ok(())
        })?;
        Ok(warned)
    }
}

/// The commands to run next: a look at it, then exactly that.
pub(super) fn next(run: &Run<'_>, job: &Path, plan: &Plan) -> [String; 2] {
    let page = beside(job, "html").to_string_lossy().into_owned();
    let mut apply = vec!["--expect".to_owned(), plan.digest.to_string()];
    if plan.rows > LARGE {
        apply.extend(["--canary".to_owned(), "3".to_owned()]);
    }
    [
        run.next("report", job, &["-o".to_owned(), page]),
        run.next("apply", job, &apply),
    ]
}

pub(super) fn in_words(
    job: &Path,
    plan: &Plan,
    warned: &Warned,
    checked: Option<&CheckCounts>,
    next: &[String; 2],
    paint: Paint,
) -> String {
    let mut text = format!(
        "Planned {}, for {}: {} {}.\n\n",
        path_text(job),
        printable(&plan.tenant),
        plan.action,
        counted(plan.rows, "identity", "identities"),
    );
    for (name, value) in facts(plan) {
        text += &format!("{name:8}  {value}\n");
    }
    text.extend(checked.map(seen));
    text += &preflight(plan, warned);
    let [report, apply] = next;
    if plan.rows == 0 {
        text += &format!(
            "\nThere is nothing to unlink: every identity that was selected is the main one of its user. The report names \
             them all:\n  {report}\n"
        );
        return text;
    }
    text += "\nRequests, and the time they take at a rate limit that nothing else uses:\n";
    let table = times(plan);
    let lines = table.iter().enumerate().map(|(index, line)| match index {
        0 => paint.strong(line) + "\n",
        _ => format!("{line}\n"),
    });
    text.extend(lines);
    text += &format!(
        "\nNothing was changed. Have someone look at it, then apply exactly what was looked at:\n  {report}\n  {apply}\n"
    );
    text
}

fn facts(plan: &Plan) -> Vec<(&'static str, String)> {
    let mut rows = counted(plan.rows, "row", "rows");
    if plan.rows_with_snapshot > 0 {
        let how = if plan.users > 0 {
            "in the export"
        } else {
            "by reading"
        };
        rows += &format!(", {} seen {how}", count(plan.rows_with_snapshot));
    }
    if plan.duplicates > 0 {
        rows += &format!(
            ", {} folded into them",
            counted(plan.duplicates, "duplicate", "duplicates")
        );
    }
    if plan.bad > 0 {
        rows += &format!(", {} left out", counted(plan.bad, "bad line", "bad lines"));
    }
    let mut facts = vec![
        (
            "Source",
            format!(
                "{}, {}, {}",
                printable(&plan.source),
                counted(plan.lines, "line", "lines"),
                counted(plan.source_bytes, "byte", "bytes")
            ),
        ),
        ("", format!("SHA-256 {}", plan.source_digest)),
    ];
    if is_old(plan) {
        let told = "more than a day old, so what it shows is no evidence any more: apply reads each row first";
        facts.push(("", format!("made {}, {told}", at(plan.source_made_at))));
    }
    if plan.users > 0 {
        facts.push(("Users", count(plan.users)));
    }
    if !plan.selection.is_empty() {
        facts.push(("Selected", shown(&plan.selection)));
    }
    facts.push(("Rows", rows));
    facts.push(("Digest", plan.digest.to_string()));
    facts
}

/// What reading the users showed.
fn seen(checked: &CheckCounts) -> String {
    let users = checked.as_planned + checked.differs + checked.no_such_user + checked.failed;
    let mut text = format!(
        "\nRead {}: {} as planned",
        counted(users, "user", "users"),
        count(checked.as_planned)
    );
    if checked.differs > 0 {
        text += &format!(
            ", {} with an identity that is not linked, is the main one or cannot be told from another",
            count(checked.differs)
        );
    }
    if checked.no_such_user > 0 {
        text += &format!(", {} not there", count(checked.no_such_user));
    }
    text + ". Rows that are not as planned are left alone.\n"
}

/// The users to look at before the connection is removed, those who are lost with it first.
fn preflight(plan: &Plan, warned: &Warned) -> String {
    let mut text = String::new();
    let lost = format!(
        "{} the main identity in this selection. They are not in the job, as no unlinking saves them: if its connection is \
         removed, they and all that is linked to them are lost with it.",
        counted(plan.main_identities, "user has", "users have")
    );
    let of_job = |number| counted(number, "user of the job is", "users of the job are");
    let login = format!(
        "{} left without an identity to log in with: blocked, or of no connection that is there.",
        of_job(plan.without_login)
    );
    let email = format!(
        "{} left without a verified e-mail address.",
        of_job(plan.without_email)
    );
    for (number, problem, users) in [
        (plan.main_identities, lost, &warned.main),
        (plan.without_login, login, &warned.login),
        (plan.without_email, email, &warned.email),
    ] {
        if number == 0 {
            continue;
        }
        text += &format!("\n{problem}\n");
        text.extend(users.iter().map(|user| format!("  {}\n", printable(user))));
        let more = number.saturating_sub(users.len() as u64);
        if more > 0 {
            text += &format!("  and {} more, whom the report names\n", count(more));
        }
    }
    text
}

/// Whether the export was too old to count as evidence when it was planned from.
fn is_old(plan: &Plan) -> bool {
    let age = plan.made_at.duration_since(plan.source_made_at);
    plan.users > 0 && age.is_ok_and(|age| age >= A_DAY)
}

/// A way of working, and the requests it takes.
fn ways(plan: &Plan) -> Vec<(&'static str, u64)> {
    let estimate = plan.estimate();
    let (by_snapshot, by_read) = (estimate.requests_by_snapshot(), estimate.requests_by_read());
    // The same where no export shows what is linked, and where every account is read to be deleted.
    if by_snapshot == by_read || is_old(plan) {
        return vec![("EACH ROW READ FIRST", by_read)];
    }
    vec![
        ("BY WHAT WAS SEEN", by_snapshot),
        ("EACH ROW READ FIRST", by_read),
    ]
}

fn times(plan: &Plan) -> Vec<String> {
    let ways = ways(plan);
    let cell = |index: usize, cell: &dyn Fn(u64) -> String| {
        ways.get(index)
            .map(|(_, requests)| cell(*requests))
            .unwrap_or_default()
    };
    let row = |name: String, of: &dyn Fn(u64) -> String| [name, cell(0, of), cell(1, of)];
    let mut rows = vec![row("requests".to_owned(), &count)];
    for limit in Limit::PUBLISHED {
        rows.push(row(
            limit.plan.to_owned(),
            &|requests| match limit.time(requests) {
                Duration::ZERO => "at once".to_owned(),
                time => span(time),
            },
        ));
    }
    let header = |index: usize| ways.get(index).map_or("", |(name, _)| name);
    text::table(["RATE LIMIT", header(0), header(1)], &rows)
}

pub(super) fn document<'a>(
    job: &Path,
    plan: &'a Plan,
    warned: &'a Warned,
    checked: Option<&CheckCounts>,
    next: &'a [String; 2],
) -> impl Serialize {
    let estimate = plan.estimate();
    let (by_snapshot, by_read) = (estimate.requests_by_snapshot(), estimate.requests_by_read());
    let times = Limit::PUBLISHED.iter().map(move |limit| TimeDocument {
        limit: limit.plan,
        burst: limit.burst,
        per_minute: limit.per_minute,
        seconds_by_snapshot: seconds(limit.time(by_snapshot)),
        seconds_by_read: seconds(limit.time(by_read)),
    });
    PlanDocument {
        job: job.to_string_lossy().into_owned(),
        id: &plan.job,
        tenant: &plan.tenant,
        action: plan.action.to_string(),
        digest: plan.digest.to_string(),
        source: SourceDocument {
            name: &plan.source,
            sha256: plan.source_digest.to_string(),
            made_at: at(plan.source_made_at),
            is_old: is_old(plan),
            bytes: plan.source_bytes,
            lines: plan.lines,
        },
        selection: (!plan.selection.is_empty()).then(|| plan.selection.to_string()),
        users: plan.users,
        rows: plan.rows,
        rows_with_snapshot: plan.rows_with_snapshot,
        duplicates: plan.duplicates,
        bad_lines: plan.bad,
        main_identities: UsersDocument {
            count: plan.main_identities,
            first: &warned.main,
        },
        without_login: UsersDocument {
            count: plan.without_login,
            first: &warned.login,
        },
        without_verified_email: UsersDocument {
            count: plan.without_email,
            first: &warned.email,
        },
        checked: checked.map(|checked| CheckedDocument {
            as_planned: checked.as_planned,
            differs: checked.differs,
            no_such_user: checked.no_such_user,
        }),
        requests_by_snapshot: by_snapshot,
        requests_by_read: by_read,
        times: times.collect(),
        next,
    }
}

const fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1_000) as u64
}

#[derive(Serialize)]
struct PlanDocument<'a> {
    job: String,
    id: &'a str,
    tenant: &'a str,
    action: String,
    digest: String,
    source: SourceDocument<'a>,
    selection: Option<String>,
    users: u64,
    rows: u64,
    rows_with_snapshot: u64,
    duplicates: u64,
    bad_lines: u64,
    main_identities: UsersDocument<'a>,
    without_login: UsersDocument<'a>,
    without_verified_email: UsersDocument<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<CheckedDocument>,
    requests_by_snapshot: u64,
    requests_by_read: u64,
    times: Vec<TimeDocument>,
    next: &'a [String; 2],
}

#[derive(Serialize)]
struct SourceDocument<'a> {
    name: &'a str,
    sha256: String,
    made_at: String,
    /// Whether what it shows is no evidence any more.
    is_old: bool,
    bytes: u64,
    lines: u64,
}

/// Users to look at, and the first of them.
#[derive(Serialize)]
struct UsersDocument<'a> {
    count: u64,
    first: &'a [String],
}

#[derive(Serialize)]
struct TimeDocument {
    limit: &'static str,
    burst: u32,
    per_minute: u32,
    seconds_by_snapshot: u64,
    seconds_by_read: u64,
}

/// What reading the users showed, in users.
#[derive(Serialize)]
struct CheckedDocument {
    as_planned: u64,
    differs: u64,
    no_such_user: u64,
}
