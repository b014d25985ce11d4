//! What a plan is made of, by kind of source.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use unlink_batch::{Action, Columns, Error, Job, Plan, Planner, Selection, Warning};

pub(crate) fn planner() -> Planner<'static> {
    Planner::new("example.eu.auth0.com".parse().unwrap())
}

/// A job in a folder that goes with it.
pub(crate) struct Planned {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) plan: Plan,
}

impl Planned {
    pub(crate) fn job(&self) -> Job {
        Job::open(self.folder.path().join("job.db")).unwrap()
    }

    fn warnings(&self) -> Vec<(String, Warning)> {
        let mut warnings = Vec::new();
        let take = |user: &str, warning| {
            warnings.push((user.to_owned(), warning));
            Ok(())
        };
        self.job().view().warnings(take).unwrap();
        warnings
    }
}

pub(crate) fn plan(planner: Planner<'_>, source: &[u8]) -> Result<Planned, Error> {
    let folder = tempfile::tempdir().unwrap();
    let plan = planner.plan(folder.path().join("job.db"), "source", source)?;
    Ok(Planned { folder, plan })
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

const ROWS_CSV: &str = "user_id,provider,identity_user_id\n\
    auth0|1,google-oauth2,11\n\
    auth0|1,github,12\n\
    auth0|2,samlp,\"acme|a,\"\"b\"\"@c.d\"\n\
    auth0|1,github,12\n";

const ROWS_JSON: &str = r#"{"user_id":"auth0|1","provider":"google-oauth2","identity_user_id":"11"}
{"identity":"github|12","user_id":"auth0|1"}
{"user_id":"auth0|2","identity":"samlp|acme|a,\"b\"@c.d"}
{"user_id":"auth0|1","provider":"github","identity_user_id":12}
"#;

#[test]
fn every_form_of_the_same_rows_gives_the_same_digest() {
    let crlf = ROWS_CSV.replace('\n', "\r\n");
    let marked = format!("\u{feff}{ROWS_CSV}");
    let marked_json = format!("\u{feff}\n{ROWS_JSON}");
    let named = ROWS_CSV.replace(
        "user_id,provider,identity_user_id",
        "who,where,\"id there\"",
    );
    let other_order = "x,identity_user_id,user_id,provider\n\
        ,11,auth0|1,google-oauth2\n,12,auth0|1,github\n\"a\nb\",\"acme|a,\"\"b\"\"@c.d\",auth0|2,samlp\n,12,auth0|1,github";
    let reference = plan(planner(), ROWS_CSV.as_bytes()).unwrap().plan;
    assert_eq!(
        (
            reference.rows,
            reference.duplicates,
            reference.rows_with_snapshot
        ),
        (3, 1, 0)
    );
    let columns = Columns::default()
        .user_id("who")
        .provider("where")
        .identity_user_id("id there");
    for (planner, source) in [
        (planner(), crlf.as_bytes().to_vec()),
        (planner(), marked.into_bytes()),
        (planner(), ROWS_JSON.as_bytes().to_vec()),
        (planner(), marked_json.into_bytes()),
        (planner().columns(columns), named.into_bytes()),
        (planner(), other_order.as_bytes().to_vec()),
        (planner(), gzip(ROWS_CSV.as_bytes())),
        // Two gzip members, as `cat a.gz b.gz` makes.
        (
            planner(),
            [
                gzip(&ROWS_JSON.as_bytes()[..20]),
                gzip(&ROWS_JSON.as_bytes()[20..]),
            ]
            .concat(),
        ),
    ] {
        let plan = plan(planner, &source).unwrap().plan;
        assert_eq!(
            plan.digest,
            reference.digest,
            "{}",
            String::from_utf8_lossy(&source)
        );
        assert_eq!((plan.rows, plan.duplicates), (3, 1));
        assert_eq!(plan.source_bytes, source.len() as u64);
    }
}

#[test]
fn the_digest_binds_tenant_action_rows_and_order() {
    let reference = plan(planner(), ROWS_CSV.as_bytes()).unwrap().plan.digest;
    let swapped = "user_id,provider,identity_user_id\n\
        auth0|1,github,12\nauth0|1,google-oauth2,11\nauth0|2,samlp,\"acme|a,\"\"b\"\"@c.d\"\n";
    let other_tenant = || Planner::new("other.eu.auth0.com".parse().unwrap());
    for (planner, source) in [
        (other_tenant(), ROWS_CSV),
        (planner().action(Action::UnlinkAndDelete), ROWS_CSV),
        (planner(), swapped),
        (planner(), &ROWS_CSV.replace("|2", "|3")),
    ] {
        assert_ne!(
            plan(planner, source.as_bytes()).unwrap().plan.digest,
            reference
        );
    }
}

const EXPORT: &str = r#"{"user_id":"auth0|1","email":"a@x.org","email_verified":true,"identities":[{"user_id":"1","provider":"auth0","connection":"Users","isSocial":false},{"profileData":{"email":"A@X.org"},"user_id":11,"provider":"github","connection":"github","isSocial":true},{"user_id":"acme|a","provider":"samlp","connection":"acme","access_token":"SECRET"}]}
{"user_id":"auth0|2","email":"b@x.org","email_verified":false,"identities":[{"user_id":"2","provider":"auth0","connection":"Users"},{"user_id":"acme|b","provider":"samlp","connection":"acme","profileData":{"email":"other@x.org","email_verified":true,"name":"\u00e9"}}],"user_metadata":{"identities":[1]}}
{"user_id":"samlp|acme|c","email_verified":"true","email":"c@x.org","identities":[{"user_id":"acme|c","provider":"samlp","connection":"acme"},{"user_id":"3","provider":"auth0","connection":"Users"}]}
{"user_id":"auth0|4","identities":[{"user_id":"4","provider":"auth0","connection":"Users"}]}
"#;

#[test]
fn an_export_is_selected_from_and_says_who_is_lost() {
    let planned = plan(
        planner().selection(Selection::default().connection("acme")),
        EXPORT.as_bytes(),
    )
    .unwrap();
    let plan = &planned.plan;
    assert_eq!(
        (plan.users, plan.rows, plan.rows_with_snapshot, plan.lines),
        (4, 2, 2, 4)
    );
    assert_eq!((plan.main_identities, plan.without_email), (1, 1));
    assert_eq!(
        planned.warnings(),
        [
            ("samlp|acme|c".to_owned(), Warning::MainIdentity),
            ("auth0|2".to_owned(), Warning::VerifiedEmail),
        ]
    );
    let file = std::fs::read(planned.folder.path().join("job.db")).unwrap();
    let holds = |text: &str| {
        file.windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    };
    assert!(holds("samlp") && holds("acme|a"));
    for text in ["SECRET", "a@x.org", "profileData"] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn each_selection_chooses_its_identities() {
    let rows = |selection: Selection| {
        plan(planner().selection(selection), EXPORT.as_bytes())
            .unwrap()
            .plan
            .rows
    };
    let all = Selection::default();
    assert_eq!(rows(all.clone().provider(&"samlp".parse().unwrap())), 2);
    assert_eq!(rows(all.clone().connection("Users")), 1);
    assert_eq!(rows(all.clone().identity(&"github|11".parse().unwrap())), 1);
    assert_eq!(rows(all.clone().where_email_differs()), 1);
    assert_eq!(rows(all.connection("github").where_email_differs()), 0);
}

#[test]
fn an_export_in_csv_gives_the_same_rows() {
    let csv = "'user_id,email,email_verified,identities[0].provider,identities[0].user_id,identities[0].connection,\
        identities[1].provider,identities[1].user_id,identities[1].connection\n\
        'auth0|2,'b@x.org,false,'auth0,'2,'Users,'samlp,'acme|b,'acme\n\
        'samlp|acme|c,'c@x.org,true,'samlp,'acme|c,'acme,'auth0,'3,'Users\n\
        'auth0|4,,,'auth0,'4,'Users,,,\n";
    let selection = || Selection::default().connection("acme");
    let csv = plan(planner().selection(selection()), csv.as_bytes())
        .unwrap()
        .plan;
    let json: Vec<&str> = EXPORT.lines().skip(1).collect();
    let json = plan(planner().selection(selection()), json.join("\n").as_bytes())
        .unwrap()
        .plan;
    assert_eq!(csv.digest, json.digest);
    assert_eq!(
        (csv.rows, csv.main_identities, csv.without_email),
        (1, 1, 1)
    );
}

#[test]
fn a_plan_says_how_long_it_takes() {
    let plan = plan(planner(), ROWS_CSV.as_bytes()).unwrap().plan;
    assert_eq!(plan.estimate().requests_by_snapshot(), 6);
}

#[test]
fn users_without_a_login_are_counted_and_listed() {
    let source = r#"{"user_id":"auth0|1","email":"a@x.org","email_verified":true,"blocked":true,"identities":[{"user_id":"1","provider":"auth0","connection":"Users"},{"user_id":"acme|a","provider":"samlp","connection":"acme"}]}
{"user_id":"auth0|2","email":"b@x.org","email_verified":true,"identities":[{"user_id":"2","provider":"auth0","connection":"Removed"},{"user_id":"acme|b","provider":"samlp","connection":"acme"}]}
{"user_id":"auth0|3","email":"c@x.org","email_verified":true,"identities":[{"user_id":"3","provider":"auth0","connection":"Removed"},{"user_id":"acme|c","provider":"samlp","connection":"acme"},{"user_id":3,"provider":"github","connection":"github"}]}
"#;
    let acme = || planner().selection(Selection::default().connection("acme"));
    let login = |planned: &Planned| -> Vec<String> {
        planned
            .warnings()
            .into_iter()
            .filter(|(_, warning)| *warning == Warning::Login)
            .map(|(user, _)| user)
            .collect()
    };
    let planned = plan(acme(), source.as_bytes()).unwrap();
    assert_eq!((planned.plan.rows, planned.plan.without_login), (3, 1));
    assert_eq!(login(&planned), ["auth0|1"]);
    let known = ["Users", "acme", "github"].map(str::to_owned);
    let planned = plan(acme().connections(known), source.as_bytes()).unwrap();
    assert_eq!(planned.plan.without_login, 2);
    assert_eq!(login(&planned), ["auth0|1", "auth0|2"]);
}

#[test]
fn profiles_are_kept_on_purpose_only_and_without_tokens() {
    let selection = || Selection::default().connection("acme");
    let keeping = plan(
        planner().selection(selection()).keep_profiles(),
        EXPORT.as_bytes(),
    )
    .unwrap();
    assert!(keeping.plan.keeps_profiles);
    let profile = |user: &str| keeping.job().view().profile(user).unwrap();
    insta::assert_snapshot!(profile("auth0|1").unwrap(), @r#"{"user_id":"auth0|1","email":"a@x.org","email_verified":true,"identities":[{"user_id":"1","provider":"auth0","connection":"Users","isSocial":false},{"profileData":{"email":"A@X.org"},"user_id":11,"provider":"github","connection":"github","isSocial":true},{"user_id":"acme|a","provider":"samlp","connection":"acme"}]}"#);
    assert!(profile("auth0|2").unwrap().contains("user_metadata"));
    // Of users without a row nothing is kept.
    assert_eq!(profile("auth0|4"), None);
    let file = std::fs::read(keeping.folder.path().join("job.db")).unwrap();
    assert!(!file.windows(6).any(|bytes| bytes == b"SECRET"));
    let plain = plan(planner().selection(selection()), EXPORT.as_bytes()).unwrap();
    assert_eq!(plain.plan.digest, keeping.plan.digest);
    assert_eq!(plain.job().view().profile("auth0|1").unwrap(), None);
}

#[test]
fn an_export_whose_identities_have_no_profile_is_as_good() {
    let mut bare = String::new();
    for line in EXPORT.lines() {
        let mut user: serde_json::Value = serde_json::from_str(line).unwrap();
        for identity in user["identities"].as_array_mut().unwrap() {
            identity.as_object_mut().unwrap().remove("profileData");
        }
        bare.push_str(&format!("{user}\n"));
    }
    let acme = || planner().selection(Selection::default().connection("acme"));
    let with = plan(acme(), EXPORT.as_bytes()).unwrap().plan;
    let without = plan(acme(), bare.as_bytes()).unwrap().plan;
    assert_eq!((with.digest, with.rows), (without.digest, without.rows));
}
