//! What `cargo xtask codegen` makes from the spec list; nothing here is written by hand but this line.

mod provider;

pub use provider::Provider;
