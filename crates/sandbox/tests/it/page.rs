//! The page at `/`: served with what it loads, from nowhere else.

use unlink_sandbox::Sandbox;

use crate::client::send;

#[test]
fn the_page_and_all_it_loads_come_from_the_tenant() {
    let sandbox = Sandbox::start().unwrap();
    let page = send(&sandbox, "GET", "/", None);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    let quoted = page.body.split('"').filter(|part| part.starts_with('/'));
    let assets: Vec<&str> = quoted.collect();
    assert_eq!(assets, ["/__sandbox/page.css", "/__sandbox/page.js"]);
    for (path, kind) in assets.iter().zip(["text/css", "text/javascript"]) {
        let asset = send(&sandbox, "GET", path, None);
        assert_eq!(asset.status, 200);
        assert!(asset.header("content-type").unwrap().starts_with(kind));
        assert!(!asset.body.contains("://"), "{path} names another place");
    }
    assert!(!page.body.contains("://"));
    // Looking at the page is no request to the tenant.
    assert!(sandbox.requests().is_empty());
    assert_eq!(send(&sandbox, "POST", "/", None).status, 405);
}
