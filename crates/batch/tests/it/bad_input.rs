//! What bad input says: each kind with its place, and no job made of it.

use std::{
    error::Error as _,
    io::{Cursor, Read},
};

use unlink_batch::{Error, ErrorKind, Selection};

use crate::planning::{gzip, plan, planner};

fn told(error: &Error) -> String {
    let mut told = format!("{:?}: {error}", error.kind());
    for bad in error.bad_lines() {
        told.push_str(&format!("\n  {bad}"));
    }
    told
}

fn refused(source: impl AsRef<[u8]>) -> String {
    told(
        &plan(planner(), source.as_ref())
            .map(|planned| planned.plan)
            .unwrap_err(),
    )
}

fn refused_export(source: impl AsRef<[u8]>) -> String {
    let planner = planner().selection(Selection::default().connection("acme"));
    told(
        &plan(planner, source.as_ref())
            .map(|planned| planned.plan)
            .unwrap_err(),
    )
}

#[test]
fn rows_of_csv() {
    insta::assert_snapshot!(refused("user_id,provider,identity_user_id\n\
        auth0|1,github\n\
        ,github,12\n\
        auth0|1,,12\n\
        auth0|1,github,\n\
        \"auth0|1\",github,.\n\
        auth0|1,auth0,1\n\
        auth0|1,github,\"12\n\
        auth0|1,github,12,\n"), @r"
        BadLines: source: 8 bad lines, so no job was made
          2:1: 2 fields, but the header has 3
          3:1: the user id is empty: give the whole id, such as auth0|507f1f77bcf86cd799439020
          4:9: the provider is empty: give its name, such as google-oauth2
          5:16: the identity's id is empty: give the `user_id` of the identity, the part after `provider|`
          6:18: `.` and `..` are no ids of an identity: give its `user_id`, the part after `provider|`
          7:9: the main identity of the user, which cannot be unlinked
          8:16: a quote is opened and not closed
          9:1: 4 fields, but the header has 3
        ");
    insta::assert_snapshot!(refused("user,provider,id\nauth0|1,github,12\n"), @"Input: the header has no column user_id: it has user, provider, id (a file of rows needs user_id, provider and identity_user_id; an export needs user_id, identities[0].provider and identities[0].user_id, and the same of its further identities)");
}

#[test]
fn rows_of_json() {
    insta::assert_snapshot!(refused(r#"{"user_id":"auth0|1","identity":"github|12"
{"user_id":"auth0|1"}
{"identity":"github|12"}
{"user_id":"auth0|1","provider":"github"}
{"user_id":"auth0|1","identity_user_id":12}
{"user_id":"auth0|1","identity":"github|12","provider":"github"}
{"user_id":"auth0|1","identity":"github"}
{"user_id":1,"identity":"github|12"}
{"user_id":"auth0|1","provider":"github","identity_user_id":1.5}
{"user_id":"auth0|1","identity":"auth0|1"}
{"user_id":"auth0|1","user_id":"auth0|2","identity":"github|12"}
[]
{"user_id":"auth0|1","identity":"github|12"} {}
{"user_id":"..","identity":"github|12"}
auth0|1,github,12
"#), @r"
        BadLines: source: 15 bad lines, so no job was made
          1:43: EOF while parsing an object
          2:1: identity is missing, or provider and identity_user_id (or identities, in an export)
          3:1: user_id is missing
          4:1: identity_user_id is missing
          5:1: provider is missing
          6:33: identity stands beside provider or identity_user_id: give one or the other
          7:33: no `|` between provider and id: give both as one text, such as google-oauth2|1234 (in quotes, since a shell takes a bare | for a pipe)
          8:12: user_id is not a text, or empty
          9:61: identity_user_id is neither a text nor an integer, or empty
          10:33: the main identity of the user, which cannot be unlinked
          11:30: duplicate field `user_id`
          12:1: not a JSON object
          13:46: trailing characters
          14:12: `.` and `..` are no user ids: give the whole id, such as auth0|507f1f77bcf86cd799439020
          15:1: not a JSON object
        ");
}

#[test]
fn exports() {
    insta::assert_snapshot!(refused(r#"{"user_id":"auth0|1","identities":[]}"#), @"Input: this is an export of users: say which of their identities are meant, by connection, provider, identity, or where the e-mail address differs");
    insta::assert_snapshot!(refused_export("user_id,provider,identity_user_id\nauth0|1,github,12"), @"Input: this is a file of rows, which says itself what is meant; only an export can be selected from");
    insta::assert_snapshot!(refused_export(r#"{"user_id":"auth0|1","identities":{}}
{"user_id":"auth0|1","identities":[{"provider":"samlp"}]}
{"user_id":"auth0|1","identities":[{"provider":"samlp","user_id":[]}]}
{"user_id":"auth0|1","identities":[["samlp","acme|a","acme",null]]}
{"user_id":"auth0|1","identities":[{"provider":"samlp","user_id":"a","profileData":[]}]}
{"user_id":"","identities":[]}
{"identities":[]}
{"user_id":"..","identities":[{"provider":"samlp","user_id":"1","connection":"acme"}]}
"#), @r"
        BadLines: source: 8 bad lines, so no job was made
          1:34: invalid type: map, expected a sequence
          2:48: an identity lacks its provider or user_id
          3:66: user_id is neither a text nor an integer, or empty
          4:35: invalid type: sequence, expected an object
          5:83: invalid type: sequence, expected an object
          6:12: user_id is not a text, or empty
          7:1: user_id is missing
          8:1: `.` and `..` are no user ids: give the whole id, such as auth0|507f1f77bcf86cd799439020
        ");
}

#[test]
fn bytes() {
    insta::assert_snapshot!(refused(b"user_id,provider,identity_user_id\nauth0|1,git\xffhub,12\n"), @r"
        BadLines: source: 1 bad line, so no job was made
          2:12: not UTF-8
        ");
    insta::assert_snapshot!(refused(b"{\"user_id\":\"auth0|\xc3\"}"), @r"
        BadLines: source: 1 bad line, so no job was made
          1:19: not UTF-8
        ");
    let whole = gzip(&b"user_id,provider,identity_user_id\nauth0|1,github,12\n".repeat(50));
    insta::assert_snapshot!(refused(&whole[..whole.len() - 9]), @"Source: source: the gzip data is cut off: get the file again");
    let mut damaged = whole.clone();
    let checksum = damaged.len() - 7;
    damaged[checksum] ^= 0xff;
    insta::assert_snapshot!(refused(&damaged), @"Source: source: the gzip data is damaged: get the file again");
    let mut trailed = whole;
    trailed.extend(b"trailing");
    insta::assert_snapshot!(refused(&trailed), @"Source: source: the gzip data is cut off: get the file again");
    insta::assert_snapshot!(refused(b"\x1f\x8b"), @"Source: source: the gzip data is cut off: get the file again");
    // Two bytes a letter, as some spreadsheets save it.
    let wide: Vec<u8> = "user_id,provider\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    insta::assert_snapshot!(refused([b"\xff\xfe".as_slice(), &wide].concat()), @"Input: the source is UTF-16: save it as UTF-8");
    // As the API's lists of users come.
    insta::assert_snapshot!(refused(b"\n [{\"user_id\":\"auth0|1\"}]"), @"Input: the source is one JSON array: write an object a line instead, as jq -c '.[]' does");
}

#[test]
fn a_line_of_a_hundred_megabytes_is_one_bad_line() {
    let long = b"{\"user_id\":\"auth0|1\",\"x\":\"".chain(std::io::repeat(b'x').take(100 << 20));
    let source = long.chain(Cursor::new(
        "\"}\n{\"user_id\":\"auth0|1\",\"identity\":\"github|12\"}\n",
    ));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.db");
    let mut rejects = Vec::new();
    let plan = planner()
        .skip_bad(&mut rejects)
        .plan(path, "long", source)
        .unwrap();
    assert_eq!((plan.rows, plan.bad, plan.lines), (1, 1, 2));
    let reject: serde_json::Value = serde_json::from_slice(&rejects).unwrap();
    assert_eq!(reject["reason"], "the line is longer than 32 MiB");
    let long = b"user_id,provider,identity_user_id\n".chain(std::io::repeat(b'x').take(100 << 20));
    let path = folder.path().join("other.db");
    let error = planner().plan(path, "long", long).unwrap_err();
    insta::assert_snapshot!(told(&error), @r"
        BadLines: long: 1 bad line, so no job was made
          2:33554433: the line is longer than 32 MiB
        ");
}

#[test]
fn a_source_that_fails_is_an_error() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("unplugged"))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let source = b"{\"user_id\":\"auth0|1\",\"identity\":\"github|12\"}\n".chain(Failing);
    let error = planner()
        .plan(folder.path().join("job.db"), "x", source)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert_eq!(error.source().unwrap().to_string(), "unplugged");
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "the draft is gone"
    );
}

#[test]
fn bad_lines_are_left_out_on_purpose_and_written_down() {
    let source =
        "user_id,provider,identity_user_id\nauth0|1,github,12\nauth0|1,github\nauth0|1,auth0,1\n";
    let mut rejects = Vec::new();
    let planned = plan(planner().skip_bad(&mut rejects), source.as_bytes()).unwrap();
    assert_eq!((planned.plan.rows, planned.plan.bad), (1, 2));
    insta::assert_snapshot!(String::from_utf8(rejects).unwrap(), @r#"
        {"column":1,"line":3,"reason":"2 fields, but the header has 3","text":"auth0|1,github"}
        {"column":9,"line":4,"reason":"the main identity of the user, which cannot be unlinked","text":"auth0|1,auth0,1"}
        "#);
}

#[test]
fn a_source_of_nothing_is_a_job_of_nothing() {
    for source in ["", "\n\n", "user_id,provider,identity_user_id\n"] {
        assert_eq!(
            plan(planner(), source.as_bytes()).unwrap().plan.rows,
            0,
            "{source:?}"
        );
    }
}

#[test]
fn marks_and_line_ends_of_other_systems_change_no_place() {
    let unix = "user_id,provider,identity_user_id\nauth0|1,github,12\nauth0|1,github\n";
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    assert_eq!(refused(windows), refused(unix));
    let unix = "{\"user_id\":\"auth0|1\",\"identity\":\"github|12\"}\n{\"user_id\":\"auth0|1\"}\n";
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    assert_eq!(refused(windows), refused(unix));
}

#[test]
fn profiles_are_not_kept_from_what_has_none() {
    let csv = "user_id,identities[0].provider,identities[0].user_id,identities[1].provider,identities[1].user_id,identities[1].connection\n\
        auth0|1,auth0,1,samlp,acme|b,acme\n";
    let selection = Selection::default().connection("acme");
    let error = plan(
        planner().selection(selection).keep_profiles(),
        csv.as_bytes(),
    );
    let error = error.map(|planned| planned.plan).unwrap_err();
    insta::assert_snapshot!(told(&error), @"Input: profiles are kept from an export in JSON only: plan from one, or without keeping them");
}
