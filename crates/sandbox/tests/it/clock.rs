//! The virtual clock: it drives dates, tokens and rate limits.

use std::time::{Duration, SystemTime};

use unlink_sandbox::{Plan, Sandbox};

use crate::client::send;

const JANES: &str = "/api/v2/users/auth0%7C63d17b7dbc8a5d0f3e9c4a21";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn dates_come_from_the_tenants_clock() {
    let sandbox = Sandbox::builder()
        .frozen_at(at(1_700_000_000))
        .start()
        .unwrap();
    let token = sandbox.token(&["update:users"]);
    let unlink = send(
        &sandbox,
        "DELETE",
        &format!("{JANES}/identities/github/58323117"),
        Some(&token),
    );
    assert_eq!(unlink.header("date"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
    let split = sandbox.user("github|58323117").unwrap();
    assert_eq!(split["created_at"], "2023-11-14T22:13:20.000Z");
    assert_eq!(sandbox.requests()[0].at, "2023-11-14T22:13:20.000Z");
    sandbox.advance(Duration::from_millis(1500));
    assert_eq!(
        sandbox.now(),
        at(1_700_000_001) + Duration::from_millis(500)
    );
}

#[test]
fn the_clock_stops_at_the_last_date_it_can_write() {
    let sandbox = Sandbox::builder()
        .frozen_at(at(1_700_000_000))
        .start()
        .unwrap();
    sandbox.advance(Duration::MAX);
    let last = at(253_402_300_799) + Duration::from_millis(999);
    assert_eq!(sandbox.now(), last);
    send(&sandbox, "GET", JANES, None);
    assert_eq!(sandbox.requests()[0].at, "9999-12-31T23:59:59.999Z");
}

#[test]
fn tokens_expire_when_the_clock_is_put_forward() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users"]);
    sandbox.advance(Duration::from_secs(86_300));
    assert_eq!(send(&sandbox, "GET", JANES, Some(&token)).status, 200);
    sandbox.advance(Duration::from_secs(101));
    assert_eq!(send(&sandbox, "GET", JANES, Some(&token)).status, 401);
    assert_eq!(
        send(
            &sandbox,
            "GET",
            JANES,
            Some(&sandbox.token(&["read:users"]))
        )
        .status,
        200
    );
}

#[test]
fn a_frozen_bucket_stays_empty_until_time_goes_on() {
    let sandbox = Sandbox::builder()
        .plan(Plan::custom(1, 1))
        .frozen_at(at(1_700_000_000))
        .start()
        .unwrap();
    let token = sandbox.token(&["read:users"]);
    let get = || send(&sandbox, "GET", JANES, Some(&token)).status;
    assert_eq!([get(), get(), get()], [200, 429, 429]);
    sandbox.advance(Duration::from_secs(1));
    assert_eq!([get(), get()], [200, 429]);
}

#[test]
fn a_stepping_clock_goes_by_the_requests() {
    let sandbox = Sandbox::builder()
        .plan(Plan::custom(1, 2))
        .frozen_at(at(1_700_000_000))
        .start()
        .unwrap();
    let token = sandbox.token(&["read:users"]);
    let get = || send(&sandbox, "GET", JANES, Some(&token)).status;
    sandbox.step(Duration::from_millis(500));
    assert_eq!(
        [get(), get(), get(), get()],
        [200; 4],
        "each brings the token it takes"
    );
    assert_eq!(sandbox.now(), at(1_700_000_002));
    sandbox.step(Duration::from_millis(250));
    assert_eq!([get(), get(), get(), get()], [429, 200, 429, 200]);
    sandbox.freeze();
    assert_eq!([get(), get()], [429, 429]);
    assert_eq!(sandbox.now(), at(1_700_000_003));
}

#[test]
fn a_frozen_clock_runs_on_from_where_it_was() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.freeze_at(at(1_000_000_000));
    assert_eq!(sandbox.now(), at(1_000_000_000));
    sandbox.resume();
    let ran = sandbox.now().duration_since(at(1_000_000_000)).unwrap();
    assert!(ran < Duration::from_secs(60), "{ran:?}");
}
