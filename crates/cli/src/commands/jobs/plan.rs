//! `plan`: from a list or an export to a job file, and what to know before it is applied.

mod told;

use std::{
    fs::{self, File},
    io::{self, Write},
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
            export, file_word, open, path_text,
            running::{self, Showing, drive},
            source::{Reading, Source, Until},
        },
    },
    exit::Kind,
    failure::Failure,
    interrupt::Interrupted,
    io::Io,
    json, private, settings,
    text::{counted, shown},
};

pub(in crate::commands) async fn run(
    run: &Run<'_>,
    typed: &args::jobs::Plan,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let planning = Planning { run, typed };
    if typed.export {
        planning.refuse_taken()?;
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
        let source = Source::open(run, from, io)?;
        let (name, made_at) = (source.name.clone(), source.made_at);
        planning.plan(&name, made_at, source, connections)?
    };
    let is_unseen = plan.rows_with_snapshot < plan.rows;
    let checked = match target {
        Some(target) if is_unseen => {
            let target = target.map_err(|failure| {
                planning.leave_nothing(&plan);
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
    /// Writes the job; an interrupt, or nothing to do, leaves none behind.
    fn plan(
        &self,
        name: &str,
        made_at: Option<SystemTime>,
        source: impl Reading,
        connections: Option<Vec<String>>,
    ) -> Result<Plan, Failure> {
        let interrupted = Interrupted::watch().map_err(|error| {
            Failure::new(Kind::File, "interrupts cannot be listened to").because(&error)
        })?;
        let source = Until {
            source,
            interrupted: &interrupted,
        };
        let mut rejects = self.typed.skip_bad.as_deref().map(Rejects::new);
        let planned = self.planner(made_at, connections.clone())?;
        let planned = match &mut rejects {
            Some(rejects) => planned
                .skip_bad(rejects)
                .plan(&self.typed.output, name, source),
            None => planned.plan(&self.typed.output, name, source),
        };
        let has_rejects = rejects.is_some_and(|rejects| rejects.file.is_some());
        let failure = match planned {
            Ok(_) if interrupted.came() => {
                remove(&self.typed.output);
                interruption()
            }
            Ok(plan) => {
                return match self.nothing_to_do(&plan, connections.as_deref()) {
                    None => Ok(plan),
                    // What was left out stays: it says why there is nothing.
                    Some(failure) => {
                        remove(&self.typed.output);
                        Err(failure)
                    }
                };
            }
            Err(_) if interrupted.came() => interruption(),
            Err(error) => self.refused(&error),
        };
        if let Some(rejects) = self.typed.skip_bad.as_deref().filter(|_| has_rejects) {
            remove(rejects);
        }
        Err(failure)
    }

    fn planner(
        &self,
        made_at: Option<SystemTime>,
        connections: Option<Vec<String>>,
    ) -> Result<Planner<'static>, Failure> {
        let typed = self.typed;
        let tenant = settings::tenant(self.run.shared.domain.as_deref(), self.run.environment)?;
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
        Ok(planner)
    }

    /// Why a source cannot be planned from, and what to do about it.
    fn refused(&self, error: &unlink_batch::Error) -> Failure {
        let failure = Failure::job_file(error);
        match error.kind() {
            ErrorKind::BadLines => failure.hint(
                "mend them, or leave them out with --skip-bad FILE, which writes them there with the reasons",
            ),
            ErrorKind::Exists => failure.hint(self.taken()),
            _ => failure,
        }
    }

    /// Refuses a place that is taken before anything is sent for it.
    fn refuse_taken(&self) -> Result<(), Failure> {
        let job = &self.typed.output;
        if !job.exists() {
            return Ok(());
        }
        let message = format!("{} is there already", job.display());
        Err(Failure::new(Kind::Job(ErrorKind::Exists), message).hint(self.taken()))
    }

    /// What to do where there is a job already.
    fn taken(&self) -> String {
        let words = [
            "--check".to_owned(),
            "-o".to_owned(),
            file_word(&self.typed.output),
        ];
        format!(
            "give another name by -o; if that is this job and its users are not all read yet, go on with {}",
            self.run.next_of("plan", &words)
        )
    }

    /// Why no job is made of what was read, if it holds nothing to do and nothing to look at.
    fn nothing_to_do(&self, plan: &Plan, connections: Option<&[String]>) -> Option<Failure> {
        if plan.rows + plan.main_identities > 0 {
            return None;
        }
        let nothing = |why: String| {
            let message = format!("{why}; there is nothing to unlink, so no job was made");
            Failure::new(Kind::NothingDone, message)
        };
        if plan.bad > 0 {
            let failure = nothing(format!("every line of {} was left out", plan.source));
            return Some(failure.hint("the file of --skip-bad has the reasons"));
        }
        if plan.users > 0 {
            let users = counted(plan.users, "user", "users");
            let selection = shown(&plan.selection);
            let failure = nothing(format!(
                "of the {users} in {} none has an identity of this selection: {selection}",
                plan.source
            ));
            return Some(failure.hint(self.selected_nothing(connections)));
        }
        if self.typed.export {
            return Some(nothing("the tenant has no users".to_owned()));
        }
        let message = match plan.lines {
            0 => format!("{} is empty, so no job was made", plan.source),
            _ => format!(
                "{} names no identity and no user: it has a header or empty lines alone, so no job was made",
                plan.source
            ),
        };
        let failure = Failure::new(Kind::Job(ErrorKind::Input), message);
        Some(failure.hint("look at what wrote it: it may have failed, or selected nothing"))
    }

    /// What may be wrong with a selection that nothing is of.
    fn selected_nothing(&self, connections: Option<&[String]>) -> String {
        let names = connections.unwrap_or_default();
        let mut asked = self.typed.selected.connections().iter();
        let unknown = asked.find(|name| !names.is_empty() && !names.contains(name));
        let alike = |asked: &String| names.iter().find(|name| name.eq_ignore_ascii_case(asked));
        match unknown.map(|unknown| (unknown, alike(unknown))) {
            Some((unknown, Some(name))) => format!("the tenant has no connection {unknown}, but {name}"),
            Some((unknown, None)) => format!("the tenant has no connection {unknown}"),
            None => "names are compared as they are written, capitals included; auth0-unlink list USER shows those of a user"
                .to_owned(),
        }
    }

    /// Leaves nothing of a plan behind that the next try would meet.
    fn leave_nothing(&self, plan: &Plan) {
        remove(&self.typed.output);
        // Without bad lines the file is none of this run's.
        if let Some(rejects) = self.typed.skip_bad.as_deref().filter(|_| plan.bad > 0) {
            remove(rejects);
        }
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

/// Removes a file of this run's own; if that fails, the next try says that it is there.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

fn interruption() -> Failure {
    Failure::new(Kind::Interrupted, "interrupted: no job was made")
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
            None => {
                let unmade = |error: io::Error| {
                    let path = path_text(self.path);
                    let why = match error.kind() {
                        io::ErrorKind::AlreadyExists => {
                            format!("{path} is there already: give another name by --skip-bad")
                        }
                        _ => format!("{path} cannot be made: {error}"),
                    };
                    io::Error::new(error.kind(), why)
                };
                let file = private::create_new(self.path).map_err(unmade)?;
                self.file.insert(file)
            }
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}
