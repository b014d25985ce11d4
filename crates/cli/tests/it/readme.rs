//! What the README shows is what happens.

use crate::support::cli;

const README: &str = include_str!("../../../../README.md");

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let (_, from_block) = README.split_once("```text\n").unwrap();
    let (block, _) = from_block.split_once("```\n").unwrap();
    let ran = cli(&["demo"]).run();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(ran.out, block);
}

#[test]
fn the_lowest_rust_is_the_declared_one() {
    let named = concat!("Rust (", env!("CARGO_PKG_RUST_VERSION"), " or later)");
    assert!(README.contains(named), "{named}");
}

#[test]
fn a_line_that_waits_for_input_swallows_no_other() {
    let blocks: Vec<&str> = README.split("```").skip(1).step_by(2).collect();
    let waits = |block: &&&str| block.contains("read -");
    let [waiting] = blocks.iter().filter(waits).collect::<Vec<_>>()[..] else {
        panic!("{blocks:?}");
    };
    // `-s` is none of POSIX's.
    assert!(waiting.starts_with("bash\n"), "{waiting}");
    assert_eq!(waiting.lines().count(), 2, "{waiting}");
}
