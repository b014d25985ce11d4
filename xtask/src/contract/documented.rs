//! The tests that the documentation shows in other languages, run as they stand.

use super::clients::{Client, Program, Target};
use crate::failure::{Failure, Result, read, write};
use std::path::Path;

/// The page that shows them.
pub(super) const PAGE: &str = "docs/sandbox.md";

/// Runs the one in the language of this client, where its packages are.
pub(super) fn run(
    root: &Path,
    cache: &Path,
    client: Client,
    program: &Program,
    target: &Target<'_>,
) -> Result<()> {
    let (language, script) = match client {
        Client::Python => ("python", "python/test_documented.py"),
        Client::Node | Client::Browser => ("js", "node/documented.test.js"),
    };
    let script = cache.join(script);
    write(&script, block(&read(&root.join(PAGE))?, language)?)?;
    program.run_file(&script, target).map(drop)
}

/// The only block of the page in this language.
fn block<'a>(page: &'a str, language: &str) -> Result<&'a str> {
    let begin = format!("\n```{language}\n");
    let mut blocks = page.split(&begin).skip(1);
    let text = blocks.next().and_then(|rest| rest.split_once("\n```"));
    match (text, blocks.next()) {
        (Some((text, _)), None) => Ok(text),
        _ => Err(Failure::new(format!(
            "contract: {PAGE} does not show one {language} test"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, block};
    use crate::failure::read;

    #[test]
    fn the_page_shows_one_test_in_each_language() {
        let page = read(&crate::root().join(PAGE)).unwrap();
        assert!(block(&page, "js").unwrap().contains("ManagementClient"));
        assert!(block(&page, "python").unwrap().contains("ManagementClient"));
        assert!(block(&page, "ruby").is_err());
    }

    #[test]
    fn a_page_with_two_of_a_language_does_not_say_which() {
        let one = "x\n```js\none\n```\n";
        assert_eq!(block(one, "js").unwrap(), "one");
        assert!(block(&one.repeat(2), "js").is_err());
    }
}
