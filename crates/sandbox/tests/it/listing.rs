//! Lists: connections by name, users by e-mail.

use serde_json::json;
use unlink_sandbox::Sandbox;

use crate::client::send;

#[test]
fn connections_are_found_by_name_and_strategy() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:connections"]);
    let list = |query: &str| {
        send(
            &sandbox,
            "GET",
            &format!("/api/v2/connections{query}"),
            Some(&token),
        )
    };
    assert_eq!(list("").json().as_array().unwrap().len(), 5);
    let named = list("?name=example-saml&fields=id,name");
    assert_eq!(
        named.json(),
        json!([{ "id": "con_T1vNc4yGk8HsP5eL", "name": "example-saml" }])
    );
    let totals =
        list("?include_totals=true&per_page=2&page=2&strategy=auth0&strategy=samlp&strategy=sms")
            .json();
    assert_eq!(
        totals,
        json!({ "start": 4, "limit": 2, "total": 3, "connections": [] })
    );
    let paged = list("?per_page=2&page=1").json();
    assert_eq!(paged[0]["name"], "github");
    assert_eq!(list("?name=none").json(), json!([]));
    let refused = list("?per_page=101");
    let message = "Query validation error: 'Value 101 is greater than maximum 100' on property per_page (Number of results per page. Defaults to 50).";
    assert_eq!(
        refused.error(),
        (400, message.into(), Some("invalid_query_string".into()))
    );
}

#[test]
fn connections_are_paged_by_checkpoint_to_the_end() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:connections"]);
    let list = |query: &str| {
        let target = format!("/api/v2/connections{query}");
        send(&sandbox, "GET", &target, Some(&token))
    };
    let (mut names, mut query) = (Vec::new(), "?take=2&include_totals=true".to_owned());
    loop {
        let page = list(&query).json();
        let connections = page["connections"].as_array().unwrap();
        names.extend(connections.iter().map(|one| one["name"].clone()));
        match page.get("next") {
            Some(next) => query = format!("?take=2&from={}", next.as_str().unwrap()),
            None => break,
        }
    }
    let all = list("").json();
    let all = all.as_array().unwrap().iter();
    assert_eq!(
        names,
        all.map(|one| one["name"].clone()).collect::<Vec<_>>()
    );
    let refused = list("?from=nowhere").error();
    assert_eq!(refused.2.as_deref(), Some("invalid_query_string"));
}

#[test]
fn users_are_found_by_their_own_email_letter_for_letter() {
    let sandbox = Sandbox::start().unwrap();
    let token = sandbox.token(&["read:users"]);
    let find = |query: &str| {
        send(
            &sandbox,
            "GET",
            &format!("/api/v2/users-by-email{query}"),
            Some(&token),
        )
    };
    let jane = find("?email=jane.doe%40example.com&fields=user_id");
    assert_eq!(
        jane.json(),
        json!([{ "user_id": "auth0|63d17b7dbc8a5d0f3e9c4a21" }])
    );
    assert_eq!(find("?email=Jane.Doe%40example.com").json(), json!([]));
    // A linked account's e-mail is not its user's.
    assert_eq!(find("?email=jane.doe%40gmail.com").json(), json!([]));
    assert_eq!(find("").error().2.as_deref(), Some("invalid_query_string"));
}
