//! A request goes out only when its intent is on the *disk*: what the system calls of a run show, by strace.
//!
//! The journal is put together again from what was written to it and synced before a request, and nothing else, as a machine
//! that loses its power at that moment would find it. Where there is no strace this is left out, and said; with
//! `UNLINK_BATCH_STRACE` set it fails.
#![cfg(target_os = "linux")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{Read as _, Write as _},
    path::Path,
    process::Command,
};

use crate::{
    applying::{Bench, people, sandbox},
    kills::worker,
};

/// What a run did that matters here, in the order in which it happened.
#[derive(Debug, PartialEq)]
enum Event {
    Written {
        offset: usize,
        bytes: Vec<u8>,
    },
    /// Whatever was written before this began is on the disk, once it has ended.
    SyncBegun,
    SyncEnded,
    /// The first bytes of a row's request are handed to the system.
    Sent {
        method: String,
        row: i64,
    },
}

/// Reads the record of strace: calls that are interrupted by others are put together.
fn events(record: &str) -> Vec<Event> {
    let mut unfinished: BTreeMap<&str, String> = BTreeMap::new();
    let mut events = Vec::new();
    for line in record.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        let (call, has_begun, has_ended) =
            if let Some(start) = call.strip_suffix(" <unfinished ...>") {
                unfinished.insert(thread, start.to_owned());
                (start.to_owned(), true, false)
            } else if let Some(rest) = call.strip_prefix("<... ") {
                let start = unfinished.remove(thread).unwrap_or_default();
                let rest = rest.split_once("resumed>").unwrap().1;
                (start + rest, false, true)
            } else {
                (call.to_owned(), true, true)
            };
        let Some((name, arguments)) = call.split_once('(') else {
            continue;
        };
        let file = arguments
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'));
        let file = String::from_utf8(unescaped(file.map_or("", |(path, _)| path))).unwrap();
        let is_journal = file.ends_with("-wal");
        match name {
            "pwrite64" if is_journal && has_ended => {
                let bytes = texts(arguments).concat();
                let numbers = arguments.rsplit_once(" = ").unwrap();
                let (numbers, result) = (numbers.0.trim_end().trim_end_matches(')'), numbers.1);
                assert_eq!(result.trim(), bytes.len().to_string(), "written whole");
                let offset = numbers.rsplit(", ").next().unwrap().parse().unwrap();
                events.push(Event::Written { offset, bytes });
            }
            "fdatasync" | "fsync" if is_journal => {
                events.extend(has_begun.then_some(Event::SyncBegun));
                events.extend((has_ended && call.ends_with("= 0")).then_some(Event::SyncEnded));
            }
            "write" | "writev" | "sendto" | "sendmsg"
                if file.starts_with("socket:") && has_begun =>
            {
                let bytes = texts(arguments).concat();
                let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
                let method = text.split(' ').next().unwrap().to_owned();
                let label = text.split("x-correlation-id: ").nth(1);
                let row = label.and_then(|label| label.lines().next()?.rsplit_once('-'));
                if let (Some((_, row)), "delete" | "post") = (row, &*method) {
                    let row = row.parse().unwrap();
                    events.push(Event::Sent { method, row });
                }
            }
            _ => {}
        }
    }
    events
}

/// The texts in quotes.
fn texts(arguments: &str) -> Vec<Vec<u8>> {
    arguments
        .split('"')
        .skip(1)
        .step_by(2)
        .map(unescaped)
        .collect()
}

/// `\x41` for each byte.
fn unescaped(text: &str) -> Vec<u8> {
    let digits = |byte: &str| u8::from_str_radix(byte, 16).unwrap();
    text.split("\\x").skip(1).map(digits).collect()
}

/// The rows whose requests went out although the disk did not have their intents.
fn too_early(events: &[Event], job: &[u8], intents: &str) -> Vec<i64> {
    let folder = tempfile::tempdir().unwrap();
    let mut written = Vec::<u8>::new();
    let mut syncing = Vec::new();
    let mut known = on_the_disk(folder.path(), job, &[], intents);
    let mut early = Vec::new();
    for event in events {
        match event {
            Event::Written { offset, bytes } => {
                let end = offset + bytes.len();
                written.resize(written.len().max(end), 0);
                written[*offset..end].copy_from_slice(bytes);
            }
            Event::SyncBegun => syncing = written.clone(),
            Event::SyncEnded => known = on_the_disk(folder.path(), job, &syncing, intents),
            Event::Sent { row, .. } if !known.contains(row) => early.push(*row),
            Event::Sent { .. } => {}
        }
    }
    early
}

/// The rows with an intent, as whoever opens this file and this journal finds them.
fn on_the_disk(folder: &Path, job: &[u8], journal: &[u8], intents: &str) -> BTreeSet<i64> {
    let path = folder.join("job.db");
    fs::write(&path, job).unwrap();
    fs::write(folder.join("job.db-wal"), journal).unwrap();
    let file = rusqlite::Connection::open(&path).unwrap();
    let mut rows = file.prepare(&format!("SELECT row FROM {intents}")).unwrap();
    let rows = rows.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Records a run, and looks at each of its requests.
fn recorded(bench: &Bench, work: &str, intents: &str) {
    // Without its journal, as the last one who worked on it left it.
    let job = fs::read(bench.path()).unwrap();
    let record = bench.folder.path().join("record");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-xx", "-s", "1000000", "-e"])
        .arg("trace=pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg")
        .arg("-o")
        .arg(&record)
        .arg(env::current_exe().unwrap());
    let mut child = worker(&mut strace, bench, work);
    let mut told = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{told}");
    let record = fs::read_to_string(&record).unwrap();
    let events = events(&record);
    let sent = events
        .iter()
        .filter(|event| matches!(event, Event::Sent { .. }));
    let rows: BTreeSet<i64> = sent
        .map(|event| match event {
            Event::Sent { row, .. } => *row,
            _ => 0,
        })
        .collect();
    assert_eq!(
        rows.len() as u64,
        bench.plan.rows,
        "every row's request is in the record"
    );
    assert_eq!(too_early(&events, &job, intents), [0; 0]);

    // The same record without its syncs: a journal that was only written has no intent that counts.
    let is_sync = |event: &Event| matches!(event, Event::SyncBegun | Event::SyncEnded);
    let unsynced: Vec<_> = events.into_iter().filter(|event| !is_sync(event)).collect();
    let early = too_early(&unsynced, &job, intents);
    assert_eq!(early.into_iter().collect::<BTreeSet<_>>(), rows);
}

#[test]
fn an_intent_is_on_the_disk_before_the_first_byte_of_its_request() {
    let tried = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        assert!(
            env::var_os("UNLINK_BATCH_STRACE").is_none(),
            "there is no strace, or it may not trace"
        );
        let _ = writeln!(
            std::io::stderr(),
            "left out: strace is not here (apt-get install strace), or may not trace"
        );
        return;
    }
    let bench = Bench::exported(sandbox(people(40)));
    recorded(&bench, "apply", "intent");
    recorded(&bench, "undo", "undo_intent");
    let bench = Bench::exported(sandbox(people(25)));
    recorded(&bench, "apply, reading", "intent");
}

#[test]
fn calls_that_interrupt_each_other_are_told_apart() {
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("\\x{byte:02x}"))
            .collect::<String>()
    };
    let (journal, socket) = (hex("/x/job.db-wal"), hex("socket:[1]"));
    let request = hex("DELETE /x HTTP/1.1\r\nx-correlation-id: a-b-7\r\n\r\n");
    let record = format!(
        "1 pwrite64(3<{journal}>, \"{}\", 2, 32) = 2\n\
         1 fdatasync(3<{journal}> <unfinished ...>\n\
         2 writev(4<{socket}>, [{{iov_base=\"{request}\", iov_len=9}}], 1) = 9\n\
         1 <... fdatasync resumed>)     = 0\n",
        hex("ab")
    );
    let sent = Event::Sent {
        method: "delete".to_owned(),
        row: 7,
    };
    let written = Event::Written {
        offset: 32,
        bytes: b"ab".to_vec(),
    };
    assert_eq!(
        events(&record),
        [written, Event::SyncBegun, sent, Event::SyncEnded]
    );
}
