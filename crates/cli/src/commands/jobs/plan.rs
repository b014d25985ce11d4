//! `plan`: from a list or an export to a job file, and what to know before it is applied.

mod told;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
    time::SystemTime,
};

use unlink::{ErrorKind as Failed, transport::ErrorKind as Request};
use unlink_batch::{
    Action, Check, CheckCounts, Ending, ErrorKind, Job, Plan, Planner, Reader, Stop, View,
};

use self::told::{NAMED, NAMED_IN_JSON, Warned};
use crate::{
    args,
    commands::{
        Run, Target,
        jobs::{
            Source, export, file_word, open,
            running::{self, Showing, drive},
        },
    },
    exit::Kind,
    failure::Failure,
    io::Io,
    json, private, settings,
    text::counted,
};

pub(in crate::commands) async fn run(
    run: &Run<'_>,
    typed: &args::jobs::Plan,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let planning = Planning { run, typed };
    if typed.export {
        refuse_taken(&typed.output)?;
        let target = run.paced(typed.speed.pacing()?, io)?;
        let connections = names_of_connections(&target, io).await?;
        let folder = typed.output.parent().unwrap_or(Path::new(""));
        let export = export::fetched(&target, folder, typed.keep_profiles, io).await?;
        let made_at = Some(export.ordered_at());
        planning.plan(&export.name(), made_at, export, connections)?;
        return planning.tell(None, io);
    }
    let Some(from) = &typed.from else {
        let target = run.paced(typed.speed.pacing()?, io)?;
        let job = open(&typed.output, &target, None)?;
        let checked = planning.check(job, &target, io).await?;
        return planning.tell(checked, io);
    };
    // Whether users are read is known once it is known what the source is.
    let target = match typed.offline {
        true => None,
        false => Some(run.paced(typed.speed.pacing()?, io)),
    };
    let mut connections = None;
    let target = match target {
        Some(target) if typed.check => {
            let target = target?;
            connections = names_of_connections(&target, io).await?;
            Some(Ok(target))
        }
        target => target,
    };
    let plan = {
        let mut source = Source::open(run, from, io)?;
        let (name, made_at) = (source.name.clone(), source.made_at);
        planning.plan(&name, made_at, &mut source.reader, connections)?
    };
    let is_unseen = plan.rows_with_snapshot < plan.rows;
    let checked = match target {
        Some(target) if is_unseen => {
            let target = target.map_err(|failure| {
                // Nothing is left behind that the next try would meet.
                let _ = fs::remove_file(&typed.output);
                failure.hint("the users of a list are read; with --offline they are not, and nothing is sent")
            })?;
            let job = open(&typed.output, &target, None)?;
            planning.check(job, &target, io).await?
        }
        _ => None,
    };
    planning.tell(checked, io)
}

struct Planning<'a> {
    run: &'a Run<'a>,
    typed: &'a args::jobs::Plan,
}

impl Planning<'_> {
    /// Writes the job.
    fn plan(
        &self,
        name: &str,
        made_at: Option<SystemTime>,
        source: impl Read,
        connections: Option<Vec<String>>,
    ) -> Result<Plan, Failure> {
        let typed = self.typed;
        let tenant = settings::tenant(self.run.shared.domain.as_deref(), self.run.environment)?;
        let mut rejects = typed.skip_bad.as_deref().map(Rejects::new);
        let mut planner = Planner::new(tenant)
            .action(match typed.delete {
                true => Action::UnlinkAndDelete,
                false => Action::Unlink,
            })
            .selection(typed.selected.selection())
            .columns(typed.columns.columns());
        if let Some(made_at) = made_at {
            planner = planner.source_made_at(made_at);
        }
        if typed.keep_profiles {
            planner = planner.keep_profiles();
        }
        if let Some(names) = connections {
            planner = planner.connections(names);
        }
        let planned = match &mut rejects {
            Some(rejects) => planner.skip_bad(rejects).plan(&typed.output, name, source),
            None => planner.plan(&typed.output, name, source),
        };
        planned.map_err(|error| Failure::job_file(&error))
    }

    /// Reads the users that the source did not show; nothing if there are none.
    async fn check(
        &self,
        job: Job,
        target: &Target,
        io: &mut Io<'_>,
    ) -> Result<Option<CheckCounts>, Failure> {
        let plan = job.plan().clone();
        let unseen = plan.rows - plan.rows_with_snapshot;
        if unseen == 0 {
            return Ok(None);
        }
        io.say(&format!(
            "Reading the users of {} at {}, which changes nothing.",
            counted(unseen, "row", "rows"),
            target.tenant
        ));
        let (on_result, on_wait, news) = running::news();
        let mut options = Check::default()
            .by(&target.who, self.run.operator())
            .concurrency(self.typed.speed.concurrency)
            .on_result(on_result)
            .on_wait(on_wait);
        if let Some(names) = names_of_connections(target, io).await? {
            options = options.connections(names);
        }
        let (stopper, stop) = Stop::new();
        let reader = Reader::new(&target.client);
        let client = target.client.transport();
        let running = job.check(&reader, options, stop);
        let showing = Showing {
            rows: unseen,
            prints: false,
        };
        let ran = drive(running, news, stopper, client, showing, io).await?;
        let go_on = || {
            let mut words = vec![
                "--check".to_owned(),
                "-o".to_owned(),
                file_word(&self.typed.output),
            ];
            words.extend(self.typed.speed.words());
            self.run.next_of("plan", &words)
        };
        let failed = |error: &unlink_batch::Error| Failure::job(error, &target.tenant);
        if let Some(failure) = ran.broken {
            return Err(failure.stopped_midway().gone_on_by("go on with", go_on()));
        }
        let summary = ran.ended.map_err(|error| failed(&error))?;
        match &summary.ending {
            Ending::Complete if summary.checked.failed == 0 => Ok(Some(summary.checked)),
            Ending::Unreachable(error) | Ending::Refused(error) => Err(failed(error).gone_on_by(
                "the job is planned; once the cause is gone, go on with",
                go_on(),
            )),
            Ending::Stopped => Err(Failure::new(
                Kind::Interrupted,
                "interrupted: the job is planned, and not all of its users are read",
            )
            .gone_on_by("go on with", go_on())),
            _ => Err(Failure::new(
                Kind::PartlyDone,
                format!(
                    "the job is planned, but {} could not be read",
                    counted(summary.checked.failed, "user", "users")
                ),
            )
            .gone_on_by("go on with", go_on())),
        }
    }

    /// Says what was planned, and what reading its users showed.
    fn tell(&self, checked: Option<CheckCounts>, io: &mut Io<'_>) -> Result<(), Failure> {
        let failed = |error: unlink_batch::Error| Failure::job_file(&error);
        let path = &self.typed.output;
        let view = View::open(path).map_err(failed)?;
        let named = if io.is_json() { NAMED_IN_JSON } else { NAMED };
        let warned = Warned::of(&view, named).map_err(failed)?;
        let next = told::next(self.run, path, view.plan());
        let told = if io.is_json() {
            json::line(&told::document(
                path,
                view.plan(),
                &warned,
                checked.as_ref(),
                &next,
            ))?
        } else {
            told::in_words(
                path,
                view.plan(),
                &warned,
                checked.as_ref(),
                &next,
                io.out_paint(),
            )
        };
        io.result(&told)
    }
}

/// Refuses a place that is taken before an export is ordered for it.
fn refuse_taken(job: &Path) -> Result<(), Failure> {
    if !job.exists() {
        return Ok(());
    }
    let message = format!("{} is there already", job.display());
    Err(Failure::new(Kind::Job(ErrorKind::Exists), message))
}

/// The names of the tenant's connections; nothing where the token may not read them.
async fn names_of_connections(
    target: &Target,
    io: &mut Io<'_>,
) -> Result<Option<Vec<String>>, Failure> {
    match Reader::new(&target.client).connections().await {
        Ok(names) => Ok(Some(names.into_iter().collect())),
        Err(error) if error.kind() == Failed::Request(Request::Forbidden) => {
            io.say("The token may not read connections (read:connections), so identities of connections that are gone count as usable.");
            Ok(None)
        }
        Err(error) => Err(Failure::at(&error, &target.tenant)),
    }
}

/// The file of the bad lines, which is made when there is one: a file that is there already may be the source itself.
struct Rejects<'a> {
    path: &'a Path,
    file: Option<File>,
}

impl<'a> Rejects<'a> {
    const fn new(path: &'a Path) -> Self {
        Self { path, file: None }
    }
}

impl Write for Rejects<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(private::create_new(self.path)?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}
