//! `report`: a job as a page, a table or lines of JSON, with or without the ids of people.

mod chart;
mod lines;
mod page;
mod redact;
mod rows;

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::Path,
    time::{Duration, SystemTime},
};

use unlink_batch::{View, Warning};

use self::redact::Names;
use crate::{
    args,
    commands::{Run, jobs::path_text},
    exit::Kind,
    failure::Failure,
    io::Io,
    json, private,
};

/// The forms of a report, by how its file's name ends.
#[derive(Clone, Copy)]
enum Form {
    Page,
    Table,
    Lines,
}

impl Form {
    fn of(path: &Path) -> Result<Self, Failure> {
        let end = path.extension().and_then(|end| end.to_str());
        match end.map(str::to_ascii_lowercase).as_deref() {
            Some("html" | "htm") => Ok(Self::Page),
            Some("csv") => Ok(Self::Table),
            Some("jsonl" | "ndjson") => Ok(Self::Lines),
            _ => Err(Failure::usage(format!(
                "{}: a report is a page (.html), a table (.csv) or lines of JSON (.jsonl), by how its name ends",
                path_text(path)
            ))),
        }
    }
}

pub(in crate::commands) fn run(
    _: &Run<'_>,
    typed: &args::jobs::Report,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let form = Form::of(&typed.output)?;
    let is_same = |job: &Path| fs::canonicalize(job).ok() == fs::canonicalize(&typed.output).ok();
    if typed.output.exists() && is_same(&typed.job) {
        return Err(Failure::usage("the report would take the place of the job"));
    }
    let view = View::open(&typed.job).map_err(|error| Failure::job_file(&error))?;
    let names = Names::new(typed.redact);
    let unwritten = |error: io::Error| {
        let message = format!("{} cannot be written", typed.output.display());
        Failure::new(Kind::File, message).because(&error)
    };
    let file = private::create(&typed.output).map_err(unwritten)?;
    let mut to = Output {
        file: BufWriter::with_capacity(1 << 16, file),
        broken: None,
    };
    let written = match form {
        Form::Page => page::write(&view, &names, &typed.job, &mut to),
        Form::Table => lines::table(&view, &names, &mut to),
        Form::Lines => lines::json(&view, &names, &mut to),
    };
    written.map_err(|error| Failure::job_file(&error))?;
    to.end().map_err(unwritten)?;
    let told = if io.is_json() {
        json::line(&serde_json::json!({
            "report": typed.output.to_string_lossy(),
            "redacted": typed.redact,
        }))?
    } else {
        let held = if typed.redact {
            "Ids and e-mail addresses are hashed in it."
        } else if view.plan().purged_at.is_some() {
            "No ids of users are in it, as the job was purged."
        } else {
            "It holds ids of people: keep it like the tenant's own data, or make one with --redact."
        };
        format!("Wrote {}. {held}\n", path_text(&typed.output))
    };
    io.result(&told)
}

/// The file of a report; the first error that it meets is kept for the end, and nothing is written after it.
struct Output<W> {
    file: W,
    broken: Option<io::Error>,
}

impl<W: Write> Output<W> {
    fn put(&mut self, text: &str) {
        if self.broken.is_none() {
            self.broken = self.file.write_all(text.as_bytes()).err();
        }
    }

    fn end(self) -> io::Result<()> {
        let Self { mut file, broken } = self;
        broken.map_or_else(|| file.flush(), Err)
    }
}

/// A run's options for people: the job has the time of `--until` in seconds since 1970.
fn options(run: &str) -> String {
    let said = |option: &str| {
        let seconds = option.strip_prefix("until ")?.parse().ok()?;
        let until = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
        Some(format!("until {}", at(until)))
    };
    let options = run.split(", ");
    let options = options.map(|option| said(option).unwrap_or_else(|| option.to_owned()));
    options.collect::<Vec<_>>().join(", ")
}

/// A time in UTC, to the second.
fn at(time: SystemTime) -> String {
    super::summary::at(time)
}

/// What a user is left without, in words.
const fn warning(warning: Warning) -> &'static str {
    match warning {
        Warning::MainIdentity => "lost with the connection",
        Warning::VerifiedEmail => "without a verified e-mail address",
        Warning::Login => "without an identity to log in with",
        _ => "without something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_until_is_said_as_a_time_and_all_else_as_it_is() {
        for (run, said) in [
            (
                "max 8, until 1795807458, read auto",
                "max 8, until 2026-11-27T19:24:18Z, read auto",
            ),
            (
                "max all, patience 600 s, rows 3,7-9",
                "max all, patience 600 s, rows 3,7-9",
            ),
            ("until 18446744073709551615", "until 18446744073709551615"),
            ("", ""),
        ] {
            assert_eq!(options(run), said);
        }
    }
}
