//! Interrupts of a run, and what a terminal shows of one.

use std::{
    io::{BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use unlink_sandbox::{Fault, Kind, Sandbox};

use crate::{desk::Desk, prompt::AtTerminal, support::Ran};

/// A run with its streams connected.
struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    err: BufReader<std::process::ChildStderr>,
}

impl Running {
    fn start(desk: &Desk, words: &[&str]) -> Self {
        Self::of(desk.cli(words).into_command())
    }

    fn of(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            out: BufReader::new(child.stdout.take().unwrap()),
            err: BufReader::new(child.stderr.take().unwrap()),
            child,
        }
    }

    fn interrupt(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn line_of(stream: &mut impl std::io::BufRead) -> String {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        line
    }

    /// The exit code, and what it still had to say on both streams.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.err.read_to_string(&mut err).unwrap();
        self.out.read_to_string(&mut out).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

/// Answers that come late, but the first.
fn late(desk: &Desk, ms: u64) {
    desk.sandbox
        .inject(Fault::new(Kind::Delay { ms }).method("DELETE").skip(1));
}

/// Goes on to the end, and sees that nothing was sent twice without a look at it.
fn finish(desk: &Desk, users: usize) {
    desk.sandbox.clear_faults();
    desk.expect(0, &["apply", "job.db", "--yes"]);
    let status = desk.expect(0, &["status", "job.db", "--json"]).document();
    assert_eq!(status["counts"]["unlinked"], users, "{status}");
    for number in 1..=users {
        let user = desk.sandbox.user(&format!("auth0|{number}")).unwrap();
        assert_eq!(user["identities"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn one_interrupt_finishes_what_is_in_flight() {
    for signal in [Signal::INT, Signal::TERM] {
        let desk = Desk::of_users(40);
        desk.plan("old", &[]);
        late(&desk, 300);
        let words = ["apply", "job.db", "--yes", "--json", "--concurrency", "4"];
        let mut running = Running::start(&desk, &words);
        let first = Running::line_of(&mut running.out);
        assert!(first.contains("\"unlinked\""), "{first}");
        // Anyone may look meanwhile.
        let going_on = desk.expect(0, &["status", "job.db"]);
        assert!(going_on.out.contains("and goes on."), "{going_on:?}");
        running.interrupt(signal);
        let (code, out, err) = running.end();
        assert_eq!(code, Some(130), "{out} {err}");
        let done = 1 + out.lines().count() - 1;
        assert!((1..40).contains(&done), "{out}");
        assert!(
            err.contains("auth0-unlink apply job.db --concurrency 4 --yes --json"),
            "{err}"
        );
        let status = desk.expect(0, &["status", "job.db", "--json"]).document();
        assert_eq!(status["counts"]["unknown"], 0, "{status}");
        assert_eq!(status["counts"]["unlinked"], done, "{status}");
        assert_eq!(desk.sent("DELETE"), done);
        finish(&desk, 40);
        assert_eq!(desk.sent("DELETE"), 40, "each was sent once");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_that_is_ignored_from_the_start_stays_so() {
    let desk = Desk::of_users(20);
    desk.plan("old", &[]);
    late(&desk, 50);
    let words = ["apply", "job.db", "--yes", "--json", "--concurrency", "2"];
    let program = desk.cli(&words).into_command();
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", "trap '' INT; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_auth0-unlink"))
        .args(words)
        .env_clear()
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(program.get_current_dir().unwrap());
    let mut running = Running::of(shell);
    Running::line_of(&mut running.out);
    running.interrupt(Signal::INT);
    let (code, out, err) = running.end();
    assert_eq!((code, out.lines().count()), (Some(0), 20), "{out} {err}");
}

#[test]
fn what_goes_on_with_an_interrupted_canary_is_a_canary() {
    let desk = Desk::of_users(40);
    desk.plan("old", &[]);
    late(&desk, 300);
    let words = ["apply", "job.db", "--yes", "--json", "--canary", "20"];
    let words = [&words[..], &["--concurrency", "4"]].concat();
    let mut running = Running::start(&desk, &words);
    Running::line_of(&mut running.out);
    running.interrupt(Signal::INT);
    let (code, out, err) = running.end();
    assert_eq!(code, Some(130), "{out} {err}");
    let go_on = "auth0-unlink apply job.db --concurrency 4 --canary 20 --yes --json";
    assert!(err.contains(go_on), "{err}");
    desk.sandbox.clear_faults();
    let gate = desk.expect(6, &words);
    assert!(gate.err.contains("--canary-ok"), "{gate:?}");
    assert!(!gate.err.contains("--canary 20"), "{gate:?}");
    let status = desk.expect(0, &["status", "job.db", "--json"]).document();
    assert_eq!(status["canary_waits"], true, "{status}");
}

#[test]
fn an_interrupted_plan_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM] {
        let desk = Desk::of_users(1);
        let words = ["plan", "--from", "-", "-o", "job.db", "--offline"];
        let words = [&words[..], &["--skip-bad", "bad.json"]].concat();
        let mut child = desk
            .cli(&words)
            .into_command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let rows = "auth0|1,github,2\n".repeat(100_000);
        let list = format!("user_id,provider,identity_user_id\nbad\n{rows}");
        input.write_all(list.as_bytes()).unwrap();
        // It has begun, and waits for more.
        while !desk.has("bad.json") {
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ran: Ran = child.wait_with_output().unwrap().into();
        drop(input);
        assert_eq!(ran.code, Some(130), "{ran:?}");
        assert!(ran.err.contains("interrupted: no job was made"), "{ran:?}");
        let left: Vec<_> = std::fs::read_dir(desk.path("")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_second_interrupt_ends_at_once_and_the_next_run_looks_first() {
    let desk = Desk::of_users(6);
    desk.plan("old", &[]);
    // Longer than the test may take.
    late(&desk, 600_000);
    let words = ["apply", "job.db", "--yes", "--concurrency", "2"];
    let mut running = Running::start(&desk, &words);
    // What it does, and nothing on the way before the first line of progress.
    while !Running::line_of(&mut running.err).starts_with("1 of 6 rows, 1 done") {}
    running.interrupt(Signal::INT);
    let line = Running::line_of(&mut running.err);
    assert!(
        line.starts_with("Interrupted: what is in flight is finished"),
        "{line}"
    );
    running.interrupt(Signal::INT);
    let (code, out, err) = running.end();
    assert_eq!(code, Some(130), "{out} {err}");
    assert!(
        err.contains("go on with auth0-unlink apply job.db --concurrency 2 --yes"),
        "{err}"
    );
    let status = desk.expect(0, &["status", "job.db", "--json"]).document();
    assert_eq!(status["counts"]["unlinked"], 1, "{status}");
    let unknown = status["counts"]["unknown"].as_u64().unwrap();
    assert!(unknown >= 2, "{status}");
    let before = desk.sandbox.requests().len();
    finish(&desk, 6);
    // Those in doubt were read, each before anything else was sent for its user.
    let requests = desk.sandbox.requests();
    let reads = requests[before..]
        .iter()
        .take_while(|request| request.method == "GET");
    assert!(reads.count() >= 1, "{requests:?}");
    assert_eq!(
        desk.sent("DELETE"),
        6,
        "what was applied before the interrupt was not sent again"
    );
}

#[test]
fn a_killed_run_is_gone_on_with_by_the_same_command() {
    let desk = Desk::of_users(6);
    desk.plan("old", &[]);
    late(&desk, 600_000);
    let words = ["apply", "job.db", "--yes", "--json", "--concurrency", "2"];
    let mut running = Running::start(&desk, &words);
    Running::line_of(&mut running.out);
    running.interrupt(Signal::KILL);
    let (code, ..) = running.end();
    let cut_off = desk.expect(0, &["status", "job.db"]);
    assert!(cut_off.out.contains("and was cut off"), "{cut_off:?}");
    assert_eq!(code, None, "it was killed");
    let before = desk.sandbox.requests().len();
    finish(&desk, 6);
    let requests = desk.sandbox.requests();
    assert_eq!(
        requests[before].method, "GET",
        "what is in doubt is read first"
    );
    assert_eq!(desk.sent("DELETE"), 6);
}

#[test]
fn at_a_terminal_a_bar_moves_and_says_what_is_waited_for() {
    let desk = Desk::of_users(3);
    desk.plan("old", &[]);
    // The tenant is away for a while.
    desk.sandbox.inject(Fault::new(Kind::Reset).times(5));
    let run = desk.cli(&["apply", "job.db", "--yes", "--concurrency", "1"]);
    let mut running = AtTerminal::of(run.env("TERM", "xterm"));
    let seen = running.read_past("waiting for the tenant").to_owned();
    assert!(seen.contains("0/3 0 done, 0 skipped, 0 failed"), "{seen}");
    let ran = running.answer("");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("unlinked  3"), "{ran:?}");
}

#[test]
fn an_export_that_is_waited_for_can_be_left() {
    let hour = std::time::Duration::from_secs(3_600);
    let desk = Desk::at(Sandbox::builder().export_duration(hour).start().unwrap());
    let words = ["plan", "--export", "--connection", "github", "-o", "job.db"];
    let mut running = Running::start(&desk, &words);
    let line = Running::line_of(&mut running.err);
    assert!(
        line.starts_with("The tenant writes an export of its users"),
        "{line}"
    );
    running.interrupt(Signal::INT);
    let (code, out, err) = running.end();
    assert_eq!((code, out.as_str()), (Some(130), ""), "{err}");
    assert!(err.contains("the export was stopped"), "{err}");
    let left: Vec<_> = std::fs::read_dir(desk.path("")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn results_that_nobody_reads_stop_the_run() {
    let desk = Desk::of_users(200);
    desk.plan("old", &[]);
    desk.sandbox
        .inject(Fault::new(Kind::Delay { ms: 20 }).method("DELETE"));
    let words = ["apply", "job.db", "--yes", "--json", "--concurrency", "1"];
    let mut running = Running::start(&desk, &words);
    Running::line_of(&mut running.out);
    let Running {
        mut child,
        out,
        mut err,
    } = running;
    drop(out);
    let mut told = String::new();
    err.read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    assert!(desk.sent("DELETE") < 200);
    finish(&desk, 200);
}

#[test]
fn at_a_terminal_a_bar_shows_how_far_it_is_and_the_gate_asks() {
    let desk = Desk::of_users(5);
    desk.plan("old", &[]);
    let mut asked = AtTerminal::of(desk.cli(&["apply", "job.db", "--canary", "2"]));
    let question = asked.read_until("[y/N] ").to_owned();
    assert!(
        question.contains("This run does 2 of the 5 that are left."),
        "{question}"
    );
    asked.reply("y\n");
    let gate = asked
        .read_until("should the rest be done? [y/N] ")
        .to_owned();
    assert!(gate.contains("Look at their accounts"), "{gate}");
    let ran = asked.answer("y\n");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("samlp|old|1"), "{ran:?}");
    assert_eq!(desk.sent("DELETE"), 5);
}

#[test]
fn an_interrupt_at_the_gate_ends_the_program() {
    let desk = Desk::of_users(3);
    desk.plan("old", &[]);
    let mut asked = AtTerminal::of(desk.cli(&["apply", "job.db", "--canary", "1", "--yes"]));
    asked.read_until("should the rest be done? [y/N] ");
    let (signal, ran) = asked.interrupt();
    assert_eq!(signal, Some(2), "{ran:?}");
    assert_eq!(desk.sent("DELETE"), 1);
}

#[test]
fn a_no_at_the_gate_leaves_the_rest() {
    let desk = Desk::of_users(5);
    desk.plan("old", &[]);
    let mut asked = AtTerminal::of(desk.cli(&["apply", "job.db", "--canary", "2", "--yes"]));
    asked.read_until("should the rest be done? [y/N] ");
    let ran = asked.answer("n\n");
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert_eq!(desk.sent("DELETE"), 2);
    // The gate stays, and is asked about by itself.
    let mut asked = AtTerminal::of(desk.cli(&["apply", "job.db"]));
    asked.read_until("Go ahead? [y/N] ");
    asked.reply("y\n");
    asked.read_until("should the rest be done? [y/N] ");
    assert_eq!(asked.answer("n\n").code, Some(6));
    assert_eq!(desk.sent("DELETE"), 2);
    // And a no to the rest as a whole is on record.
    let mut asked = AtTerminal::of(desk.cli(&["apply", "job.db", "--canary-ok"]));
    asked.read_until("[y/N] ");
    assert_eq!(asked.answer("n\n").code, Some(6));
    desk.expect(0, &["report", "job.db", "-o", "job.jsonl"]);
    let lines = desk.read("job.jsonl");
    let declined = lines.lines().find(|line| line.contains("\"declined\""));
    assert!(
        declined.is_some_and(|run| run.contains("night-operator")),
        "{lines}"
    );
}

#[test]
fn a_deletion_is_agreed_to_by_the_tenants_name() {
    for (typed, code, deletes) in [
        ("y", 6, 0),
        ("example.auth0.com", 6, 0),
        ("", 6, 0),
        ("the name", 0, 4),
    ] {
        let desk = Desk::of_users(2);
        desk.plan("old", &["--delete"]);
        let mut asked = AtTerminal::of(desk.cli(&["apply", "job.db", "--yes"]));
        let question = asked.read_until("type the tenant's name: ").to_owned();
        assert!(question.contains("deleted for good"), "{question}");
        let typed = typed.replace("the name", &desk.sandbox.domain());
        let ran = asked.answer(&format!("{typed}\n"));
        assert_eq!(ran.code, Some(code), "{typed} {ran:?}");
        assert_eq!(desk.sent("DELETE"), deletes, "{typed}");
    }
}
