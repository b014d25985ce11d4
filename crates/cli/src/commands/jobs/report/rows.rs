//! The rows that a page shows: what to look at, what was linked back, and what is still to be done.

use std::io::Write;

use unlink_batch::{Error, Row, Status, View};

use super::{
    Output, lines,
    page::{MOST, escaped},
    redact::Names,
};
use crate::text::{count, counted};

const ROW_HEAD: &str = "<th scope=\"col\" class=\"number\">Row</th><th scope=\"col\">User</th><th scope=\"col\">Identity</th><th scope=\"col\">Connection</th>";

fn row_cells(row: &Row, names: &Names) -> String {
    format!(
        "<th scope=\"row\" class=\"number\">{}</th><td class=\"id\">{}</td><td class=\"id\">{}|{}</td><td>{}</td>",
        row.number,
        escaped(&names.user(&row.user_id)),
        escaped(&row.provider),
        escaped(&names.id(&row.identity_user_id)),
        escaped(row.connection.as_deref().unwrap_or_default()),
    )
}

pub(super) fn failures(
    view: &View,
    status: &Status,
    names: &Names,
    to: &mut Output<impl Write>,
) -> Result<(), Error> {
    let counts = &status.counts;
    let all = counts.failed + counts.stale + counts.not_deleted + counts.unknown;
    if all == 0 || status.plan.purged_at.is_some() {
        return Ok(());
    }
    to.put(&format!(
        "<h2>To be looked at</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"To be looked at\"><table><caption>{}{}</caption><thead><tr>{ROW_HEAD}\
         <th scope=\"col\">Outcome</th><th scope=\"col\">Why, and what to do</th></tr></thead><tbody>\n",
        counted(all, "row that failed, was left alone or is not settled", "rows that failed, were left alone or are not settled"),
        first(all),
    ));
    let mut shown = 0;
    view.failures(|row| {
        shown += 1;
        if shown > MOST {
            return Ok(());
        }
        let outcome = lines::outcome(&row);
        let again = if row.is_open { " The next run tries it again." } else { "" };
        to.put(&format!(
            "<tr>{}<td><span class=\"dot {}\" aria-hidden=\"true\"></span>{outcome}</td><td>{}<br><span class=\"soft\">{}{again}</span></td></tr>\n",
            row_cells(&row, names),
            outcome.replace(' ', "-"),
            escaped(&names.message(row.message.as_deref().unwrap_or_default(), &row)),
            row.advice().unwrap_or_default(),
        ));
        Ok(())
    })?;
    to.put("</tbody></table></div>\n");
    Ok(())
}

fn first(all: u64) -> String {
    match all > MOST {
        true => format!("; the first {}, all are in the .csv report", count(MOST)),
        false => String::new(),
    }
}

/// What was linked back, or could not be.
pub(super) fn undone(
    view: &View,
    status: &Status,
    names: &Names,
    to: &mut Output<impl Write>,
) -> Result<(), Error> {
    let undone = &status.undone;
    let all = undone.linked_back
        + undone.already_linked
        + undone.skipped
        + undone.failed
        + undone.unknown;
    if all == 0 || status.plan.purged_at.is_some() {
        return Ok(());
    }
    to.put(&format!(
        "<h2>Undone</h2>\n<p>{} linked back; {} linked again already, {} skipped, {} failed, {} not settled.</p>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Undone\"><table><caption>Each of them{}</caption><thead><tr>{ROW_HEAD}<th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Why, and what to do</th></tr></thead><tbody>\n",
        counted(undone.linked_back, "row is", "rows are"),
        count(undone.already_linked),
        count(undone.skipped),
        count(undone.failed),
        count(undone.unknown),
        first(all),
    ));
    let mut shown = 0;
    view.rows(|row| {
        let Some(undone) = &row.undone else {
            return Ok(());
        };
        shown += 1;
        if shown <= MOST {
            let message = undone.message.as_deref().unwrap_or_default();
            to.put(&format!(
                "<tr>{}<td>{}</td><td>{}<br><span class=\"soft\">{}</span></td></tr>\n",
                row_cells(&row, names),
                undone.outcome.map_or("unknown", |outcome| outcome.as_str()),
                escaped(&names.message(message, &row)),
                row.advice().unwrap_or_default(),
            ));
        }
        Ok(())
    })?;
    to.put("</tbody></table></div>\n");
    Ok(())
}

/// What is still to be done, for whoever agrees to it.
pub(super) fn planned(
    view: &View,
    status: &Status,
    names: &Names,
    to: &mut Output<impl Write>,
) -> Result<(), Error> {
    let all = status.counts.pending;
    if all == 0 || status.plan.purged_at.is_some() {
        return Ok(());
    }
    to.put(&format!(
        "<h2>Still to be done</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Still to be done\"><table><caption>{} to {}{}</caption>\
         <thead><tr>{ROW_HEAD}<th scope=\"col\" class=\"number\">Line</th></tr></thead><tbody>\n",
        counted(all, "identity", "identities"),
        status.plan.action,
        first(all),
    ));
    let mut shown = 0;
    view.rows(|row| {
        if row.outcome.is_none() && !row.is_in_doubt && shown < MOST {
            shown += 1;
            to.put(&format!(
                "<tr>{}<td class=\"number\">{}</td></tr>\n",
                row_cells(&row, names),
                row.line
            ));
        }
        Ok(())
    })?;
    to.put("</tbody></table></div>\n");
    Ok(())
}
