//! A job as one page of HTML with nothing from elsewhere in it, for whoever looks at it before or after it is applied.

use std::{fmt::Write as _, io::Write, path::Path, time::SystemTime};

use unlink_batch::{Counts, Error, Group, Plan, Run, Slice, Status, View, Warning};

use super::{Output, at, chart, options, redact::Names, rows, warning};
use crate::text::{count, counted, waited};

const STYLE: &str = include_str!("page.css");
/// How many users, planned rows or failures a page names; the other forms have all of them.
pub(super) const MOST: u64 = 500;

/// Text as HTML shows it.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            // Would change the order of what is read, or hide it.
            c if crate::text::steers(c) && c != '\n' => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

pub(super) fn write(
    view: &View,
    names: &Names,
    job: &Path,
    to: &mut Output<impl Write>,
) -> Result<(), Error> {
    let status = view.status()?;
    let plan = &status.plan;
    let name = job
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    to.put(&head(&name, plan));
    to.put(&summary(&name, &status, names));
    to.put(&outcomes(&status));
    warnings(view, plan, names, to)?;
    to.put(&groups(&view.breakdown()?));
    to.put(&runs(&view.runs()?, &view.timeline()?));
    rows::failures(view, &status, names, to)?;
    rows::undone(view, &status, names, to)?;
    rows::planned(view, &status, names, to)?;
    to.put("<footer><p>Times are in UTC. Made by auth0-unlink ");
    to.put(env!("CARGO_PKG_VERSION"));
    to.put(".</p></footer>\n</main></body></html>\n");
    Ok(())
}

fn head(name: &str, plan: &Plan) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{name}: {action}, {tenant}</title>\n<style>\n{STYLE}</style></head>\n\
         <body><main>\n",
        name = escaped(name),
        action = plan.action,
        tenant = escaped(&plan.tenant),
    )
}

fn summary(name: &str, status: &Status, names: &Names) -> String {
    let (plan, counts) = (&status.plan, &status.counts);
    let left = counts.pending + counts.unknown;
    let state = if plan.purged_at.is_some() {
        "The ids of people were removed from this job; only counts are left.".to_owned()
    } else if left == plan.rows {
        "Nothing of it is done yet.".to_owned()
    } else if left > 0 {
        format!("{} still to be done.", counted(left, "row is", "rows are"))
    } else {
        "Every row has a result.".to_owned()
    };
    let mut html = format!(
        "<h1>{}: {} {}</h1>\n<p class=\"soft\">At {}. {state}</p>\n",
        escaped(name),
        plan.action,
        counted(plan.rows, "identity", "identities"),
        escaped(&plan.tenant),
    );
    if status.canary_waits {
        html += "<div class=\"note\"><p>The first rows are done, and the rest waits until someone has looked at them.</p></div>\n";
    }
    let mut facts = vec![
        ("Digest", format!("<code>{}</code>", plan.digest)),
        (
            "Planned",
            format!(
                "{}, by version {}",
                at(plan.made_at),
                escaped(&plan.version)
            ),
        ),
        (
            "Source",
            format!(
                "{}, {}, SHA-256 <code>{}</code>",
                escaped(&plan.source),
                counted(plan.lines, "line", "lines"),
                plan.source_digest
            ),
        ),
        (
            "Job",
            format!(
                "<code>{}</code>, in the tenant's log as correlation id <code>{}-ROW</code>",
                escaped(&plan.job),
                escaped(&plan.job)
            ),
        ),
    ];
    // An identity that was selected is one of a person.
    if !plan.selection.is_empty() && !names.are_redacted() {
        facts.push(("Selected", escaped(&plan.selection.to_string())));
    }
    if plan.users > 0 {
        facts.push(("Users read", count(plan.users)));
    }
    facts.push((
        "Seen",
        format!(
            "{} of the rows, by the export or a read",
            count(plan.rows_with_snapshot)
        ),
    ));
    if plan.duplicates + plan.bad > 0 {
        facts.push((
            "Left out",
            format!(
                "{}, {}",
                counted(plan.duplicates, "duplicate", "duplicates"),
                counted(plan.bad, "bad line", "bad lines")
            ),
        ));
    }
    if names.are_redacted() {
        facts.push((
            "Redacted",
            "ids and e-mail addresses are hashed, by a key that was not kept".to_owned(),
        ));
    }
    html += "<dl>";
    for (term, fact) in facts {
        let _ = write!(html, "<dt>{term}</dt><dd>{fact}</dd>");
    }
    html + "</dl>\n"
}

/// A time that is easily read.
fn clock(time: SystemTime) -> String {
    at(time).replace('T', " ").replace('Z', "")
}

/// Every way a row can stand: its name, what it means, and how many do.
fn standings(counts: &Counts) -> [(&'static str, &'static str, u64); 9] {
    [
        (
            "unlinked",
            "taken off its user; it is an account of its own now",
            counts.unlinked,
        ),
        (
            "deleted",
            "taken off, and its account deleted",
            counts.deleted,
        ),
        (
            "not linked",
            "it was not linked any more",
            counts.not_linked,
        ),
        (
            "absent",
            "it is not linked now; whether it was is not known",
            counts.absent,
        ),
        (
            "not deleted",
            "taken off, but its account is still there",
            counts.not_deleted,
        ),
        (
            "stale",
            "left alone: the user or the identity is not what was planned",
            counts.stale,
        ),
        ("failed", "not taken off", counts.failed),
        (
            "unknown",
            "may have been sent; the next run reads first",
            counts.unknown,
        ),
        ("pending", "still to be done", counts.pending),
    ]
}

fn outcomes(status: &Status) -> String {
    let all = status.plan.rows.max(1);
    let standings = standings(&status.counts);
    let there: Vec<_> = standings
        .iter()
        .filter(|(.., number)| *number > 0)
        .collect();
    let mut html = String::from("<h2>Outcome</h2>\n<div class=\"bar\" aria-hidden=\"true\">");
    for (name, _, number) in &there {
        let _ = write!(
            html,
            "<span class=\"{}\" style=\"flex:{number}\"></span>",
            name.replace(' ', "-")
        );
    }
    html += "</div>\n<table><caption>How many rows stand how</caption><thead><tr><th scope=\"col\">Outcome</th>\
             <th scope=\"col\" class=\"number\">Rows</th><th scope=\"col\" class=\"number\">Share</th><th scope=\"col\">Which means</th></tr></thead><tbody>\n";
    for (name, meaning, number) in &there {
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\"><span class=\"dot {}\" aria-hidden=\"true\"></span>{name}</th><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td>{meaning}</td></tr>",
            name.replace(' ', "-"),
            count(*number),
            share(*number, all),
        );
    }
    html + "</tbody></table>\n"
}

/// A share in percent, to a tenth; neither all nor nothing unless it is.
fn share(part: u64, all: u64) -> String {
    let tenths = u128::from(part) * 1_000 / u128::from(all.max(1));
    match (part, tenths) {
        (0, _) => "0 %".to_owned(),
        (_, 0) => "&lt; 0.1 %".to_owned(),
        (_, 1_000..) => "100 %".to_owned(),
        (_, tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

fn warnings(
    view: &View,
    plan: &Plan,
    names: &Names,
    to: &mut Output<impl Write>,
) -> Result<(), Error> {
    let kinds = [
        (Warning::MainIdentity, plan.main_identities),
        (Warning::Login, plan.without_login),
        (Warning::VerifiedEmail, plan.without_email),
    ];
    if kinds.iter().all(|(_, number)| *number == 0) {
        return Ok(());
    }
    to.put("<h2>Before the connection is removed</h2>\n");
    for (kind, number) in kinds.into_iter().filter(|(_, number)| *number > 0) {
        let told = match kind {
            Warning::MainIdentity => counted(
                number,
                "user has the main identity in this selection, and is not in this job",
                "users have the main identity in this selection, and are not in this job",
            ),
            _ => format!(
                "{} left {}",
                counted(number, "user is", "users are"),
                warning(kind)
            ),
        };
        to.put(&format!(
            "<div class=\"note\"><p><strong>{told}.</strong> {}</p>",
            kind.advice()
        ));
        let mut named = 0;
        let mut list = String::new();
        view.warnings(|user, other| {
            if other == kind && named < MOST {
                named += 1;
                let _ = write!(list, "<li class=\"id\">{}</li>", escaped(&names.user(user)));
            }
            Ok(())
        })?;
        if named > 0 {
            let more = match number.saturating_sub(named) {
                0 => String::new(),
                more => format!(
                    " (the first {}; {} more are in the .jsonl report)",
                    count(named),
                    count(more)
                ),
            };
            to.put(&format!(
                "<details><summary>Which{more}</summary><ul>{list}</ul></details>"
            ));
        }
        to.put("</div>\n");
    }
    Ok(())
}

fn groups(groups: &[Group]) -> String {
    let mut html = String::from(
        "<h2>By provider and connection</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"By provider and connection\"><table>\
         <caption>The rows of each</caption><thead><tr><th scope=\"col\">Provider</th><th scope=\"col\">Connection</th>\
         <th scope=\"col\" class=\"number\">Rows</th><th scope=\"col\" class=\"number\">Taken off</th><th scope=\"col\" class=\"number\">Were not linked</th>\
         <th scope=\"col\" class=\"number\">Stale</th><th scope=\"col\" class=\"number\">Failed</th><th scope=\"col\" class=\"number\">To be done</th>\
         <th scope=\"col\" class=\"number\">Linked back</th></tr></thead><tbody>\n",
    );
    for group in groups {
        let counts = &group.counts;
        let taken_off = counts.unlinked + counts.deleted + counts.not_deleted;
        let not_linked = counts.not_linked + counts.absent;
        let left = counts.pending + counts.unknown;
        let all = taken_off + not_linked + counts.stale + counts.failed + left;
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{}</th><td>{}</td>",
            escaped(&group.provider),
            group.connection.as_deref().map_or_else(
                || "<span class=\"soft\">not known</span>".to_owned(),
                escaped
            ),
        );
        for number in [
            all,
            taken_off,
            not_linked,
            counts.stale,
            counts.failed,
            left,
            group.undone.linked_back,
        ] {
            let _ = write!(html, "<td class=\"number\">{}</td>", count(number));
        }
        html += "</tr>\n";
    }
    html + "</tbody></table></div>\n"
}

fn runs(runs: &[Run], slices: &[Slice]) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<h2>Runs</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Runs\"><table><caption>Who worked on it, when and how</caption><thead><tr>\
         <th scope=\"col\" class=\"number\">Run</th><th scope=\"col\">Work</th><th scope=\"col\">Began</th><th scope=\"col\">Ended</th>\
         <th scope=\"col\">Ending</th><th scope=\"col\" class=\"number\">Requests</th>\
         <th scope=\"col\" class=\"number\">Refused (429)</th><th scope=\"col\" class=\"number\">Waited</th><th scope=\"col\" class=\"number\">Lowest left</th></tr></thead><tbody>\n",
    );
    for run in runs {
        let traffic = &run.traffic;
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\" class=\"number\">{}</th><td>{}</td><td class=\"time\">{}</td><td class=\"time\">{}</td><td>{}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>\n\
             <tr><td></td><td colspan=\"8\" class=\"soft long\">By {}, with the token of {}: {}{}</td></tr>",
            run.number,
            run.work.as_str(),
            clock(run.began),
            run.ended
                .map_or_else(|| "not yet, or killed".to_owned(), clock),
            escaped(run.ending.as_deref().unwrap_or_default()),
            count(traffic.requests),
            count(traffic.refused),
            waited(traffic.waited),
            traffic
                .lowest_remaining
                .map_or_else(|| "not said".to_owned(), count),
            escaped(&run.operator),
            escaped(&run.client),
            match run.options.is_empty() {
                true => "no options".to_owned(),
                false => escaped(&options(&run.options)),
            },
            match run.answer.is_empty() {
                true => String::new(),
                false => format!(
                    "; asked whether to begin, the answer was: {}",
                    escaped(&run.answer)
                ),
            },
        );
    }
    html += "</tbody></table></div>\n";
    for run in runs {
        let of_run: Vec<Slice> = slices
            .iter()
            .filter(|slice| slice.run == run.number)
            .copied()
            .collect();
        let (began, ended) = (
            at(run.began),
            run.ended
                .map_or_else(|| "not yet, or killed".to_owned(), at),
        );
        if let Some(drawn) = chart::drawn(&of_run, run.number, &began, &ended) {
            let _ = writeln!(
                html,
                "<h3>Run {} over time</h3>\n{drawn}\n<p class=\"key\"><span><span class=\"dot unlinked\" aria-hidden=\"true\"></span>rows with a result</span>\
                 <span><span class=\"dot failed\" aria-hidden=\"true\"></span>failed, left alone or not deleted</span>\
                 <span><span class=\"dot refused\" aria-hidden=\"true\"></span>refused for the rate limit (429)</span></p>",
                run.number
            );
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_tenants_is_markup() {
        assert_eq!(
            escaped("<script>\"&\"</script>\u{202e}\u{1b}"),
            "&lt;script&gt;&quot;&amp;&quot;&lt;/script&gt;\\u{202e}\\u{1b}"
        );
    }

    #[test]
    fn shares_are_neither_all_nor_nothing_unless_they_are() {
        for (part, all, text) in [
            (0, 8_000, "0 %"),
            (1, 8_000, "&lt; 0.1 %"),
            (7_999, 8_000, "99.9 %"),
            (8_000, 8_000, "100 %"),
            (1, 3, "33.3 %"),
        ] {
            assert_eq!(share(part, all), text);
        }
    }
}
