//! Which libraries the public items of our own name: those of a list, for whoever uses ours lives with them too.

use super::{
    Violation,
    source::{Name, Token, use_tree},
    workspace::Workspace,
};
use std::collections::BTreeSet;

/// For each library, the others that its public items may name.
const LISTED: &[(&str, &[&str])] = &[
    ("identity-model", &["serde_core", "serde_json", "strum"]),
    ("transport", &["bytes", "http", "serde_json"]),
    ("unlink", &["identity_model", "transport"]),
];

/// What a file has for others. It is read as `unreachable_pub` has it: what is `pub` is within reach. What a derive or
/// another macro adds is not seen.
#[derive(Default)]
pub(super) struct Surface {
    /// The paths that are imported, `path as alias` included.
    imports: Vec<Name>,
    /// The types and traits that are declared.
    declared: Vec<Name>,
    /// The paths that signatures, fields and exports name.
    named: Vec<Name>,
    /// Those that the head of an `impl` names, and for which type.
    implied: Vec<(Name, String)>,
}

/// No public item names a library that is not on the list, and the list names none in vain.
pub(super) fn public_items_name_listed_libraries(workspace: &Workspace) -> Vec<Violation> {
    LISTED
        .iter()
        .flat_map(|(member, listed)| of_member(workspace, member, listed))
        .collect()
}

fn of_member(workspace: &Workspace, member: &str, listed: &[&str]) -> Vec<Violation> {
    let Some(package) = workspace.members().find(|package| package.name == member) else {
        return Vec::new();
    };
    let dependencies: BTreeSet<String> = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.is_none())
        .map(|dependency| dependency.name.replace('-', "_"))
        .collect();
    let folder = format!("crates/{member}/src/");
    let surfaces: Vec<_> = workspace
        .product_sources()
        .filter(|(path, _)| path.starts_with(&folder))
        .map(|(path, code)| (path, code.surface))
        .collect();
    let declared: BTreeSet<&str> = surfaces
        .iter()
        .flat_map(|(_, surface)| &surface.declared)
        .map(|name| name.text.as_str())
        .collect();
    let mut violations = Vec::new();
    let mut used = BTreeSet::new();
    for (path, surface) in &surfaces {
        let implied = surface.implied.iter();
        let implied = implied.filter(|(_, of)| declared.contains(of.as_str()));
        for name in surface.named.iter().chain(implied.map(|(name, _)| name)) {
            let library = surface.crate_of(&name.text);
            if !dependencies.contains(library) {
                continue;
            }
            used.insert(library);
            if !listed.contains(&library) {
                let advice = format!(
                    "`{}` is public here, so users of {member} would live with {library} too: wrap it, or put it on the \
                     list in xtask/src/tidy/surface.rs",
                    name.text
                );
                violations.push(Violation::new(*path, name.line, advice));
            }
        }
    }
    let vain = listed
        .iter()
        .filter(|library| dependencies.contains(**library) && !used.contains(**library));
    violations.extend(vain.map(|library| {
        let advice = format!("no public item of {member} names {library}: take it off the list");
        Violation::new("xtask/src/tidy/surface.rs", 0, advice)
    }));
    violations
}

type Tokens<'t, 'a> = &'t [(usize, Token<'a>)];

impl Surface {
    pub(super) fn read(mut tokens: Tokens<'_, '_>) -> Self {
        let mut surface = Self::default();
        while let [(_, token), rest @ ..] = tokens {
            tokens = match (token, rest) {
                (Token::Word("pub"), [(_, Token::Mark('(')), ..]) => rest,
                (Token::Word("pub"), [(_, Token::Word("use")), tree @ ..]) => {
                    let mut exports = Vec::new();
                    let rest = use_tree("", tree, &mut exports);
                    surface.named.extend(exports);
                    rest
                }
                (Token::Word("use"), tree) => use_tree("", tree, &mut surface.imports),
                (Token::Word("pub"), item) => surface.item(item),
                (Token::Word("impl"), [(_, Token::Mark(_)) | (_, Token::Word(_)), ..]) => {
                    surface.implementation(rest)
                }
                _ => rest,
            };
        }
        surface
    }

    pub(super) fn retain(&mut self, keeps: impl Fn(&Name) -> bool) {
        for names in [&mut self.imports, &mut self.declared, &mut self.named] {
            names.retain(&keeps);
        }
        self.implied.retain(|(name, _)| keeps(name));
    }

    /// Takes in a public item or field, and returns what follows what others see of it.
    fn item<'t, 'a>(&mut self, mut tokens: Tokens<'t, 'a>) -> Tokens<'t, 'a> {
        while let [
            (_, Token::Word("const" | "async" | "unsafe" | "extern")),
            rest @ ..,
        ] = tokens
        {
            tokens = rest;
        }
        let [(_, Token::Word(kind)), rest @ ..] = tokens else {
            return tokens;
        };
        if let ("struct" | "enum" | "trait" | "type" | "union", [(line, Token::Word(name)), ..]) =
            (*kind, rest)
        {
            self.declared.push(Name {
                line: *line,
                text: (*name).to_owned(),
            });
        }
        let (ends, is_whole): (&[char], bool) = match *kind {
            "mod" => return rest,
            "fn" => (&['{', ';'], false),
            // Public fields say so themselves.
            "struct" => (&['{', '(', ';'], false),
            "enum" | "trait" | "union" => (&[], true),
            "type" => (&[';'], false),
            // A constant, or a field.
            _ => (&['=', ',', ';', '}', ')'], false),
        };
        let end = if is_whole {
            whole(rest)
        } else {
            until(rest, ends)
        };
        let (seen, rest) = rest.split_at(end);
        self.named.extend(paths(seen));
        rest
    }

    /// Takes in the head of an `impl`, and returns its body.
    fn implementation<'t, 'a>(&mut self, tokens: Tokens<'t, 'a>) -> Tokens<'t, 'a> {
        let (head, rest) = tokens.split_at(until(tokens, &['{', ';']));
        let position = head
            .iter()
            .position(|(_, token)| matches!(token, Token::Word("for")));
        let of = paths(&head[position.map_or(0, |at| at + 1)..]);
        if let (Some(_), Some(of)) = (position, of.first()) {
            let of = of.text.rsplit("::").next().unwrap_or_default();
            let named = paths(head);
            self.implied
                .extend(named.into_iter().map(|name| (name, of.to_owned())));
        }
        rest
    }

    /// The library that a path begins in, as far as the file's imports tell.
    fn crate_of<'a>(&'a self, path: &'a str) -> &'a str {
        let first = path.split("::").next().unwrap_or(path);
        let import = self.imports.iter().find(|import| {
            let text = import.text.as_str();
            let name = text.rsplit([' ', ':']).next();
            name == Some(first)
        });
        let path = import.map_or(path, |import| import.text.as_str());
        path.split("::").next().unwrap_or(path)
    }
}

/// How many tokens there are until one of these marks outside all brackets.
fn until(tokens: Tokens<'_, '_>, ends: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, (_, token)) in tokens.iter().enumerate() {
        let Token::Mark(mark) = token else {
            before = ' ';
            continue;
        };
        if depth == 0 && ends.contains(mark) {
            return at;
        }
        match mark {
            '(' | '[' | '{' | '<' => depth += 1,
            // Of an arrow it closes nothing.
            '>' if before == '-' => {}
            ')' | ']' | '}' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = *mark;
    }
    tokens.len()
}

/// How many tokens there are until after the first block.
fn whole(tokens: Tokens<'_, '_>) -> usize {
    let start = until(tokens, &['{']);
    let body = tokens.get(start + 1..).unwrap_or_default();
    (start + 2 + until(body, &['}'])).min(tokens.len())
}

/// The paths that are named, those of one word as far as they may be a type.
fn paths(mut tokens: Tokens<'_, '_>) -> Vec<Name> {
    let mut paths = Vec::new();
    while let [(line, token), rest @ ..] = tokens {
        tokens = rest;
        let Token::Word(word) = token else { continue };
        let mut text = (*word).to_owned();
        while let [(_, Token::PathSeparator), (_, Token::Word(word)), rest @ ..] = tokens {
            text = format!("{text}::{word}");
            tokens = rest;
        }
        if text.contains("::") || text.starts_with(char::is_uppercase) {
            paths.push(Name { line: *line, text });
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::super::source::Code;
    use super::{super::workspace::fake, public_items_name_listed_libraries};

    /// The libraries that the public items of a file name, by their first word.
    fn libraries(text: &str) -> Vec<String> {
        let surface = Code::new(text).surface;
        let implied = surface.implied.iter().map(|(name, _)| name);
        let names = surface.named.iter().chain(implied);
        let libraries = names.map(|name| surface.crate_of(&name.text).to_owned());
        libraries
            .filter(|library| library.starts_with(char::is_lowercase))
            .collect()
    }

    #[test]
    fn what_others_see_is_read() {
        for (text, expected) in [
            (
                "pub fn f(a: http::Uri) -> Vec<bytes::Bytes> { x::y() }",
                &["http", "bytes"][..],
            ),
            (
                "use http::Uri;\npub async fn f<T: Fn(u8) -> Uri>(t: T);",
                &["http"],
            ),
            ("use a::b as C;\npub const fn f(c: &C) {}", &["a"]),
            (
                "use http::header;\npub fn f() -> header::Name { g() }",
                &["http"],
            ),
            ("pub struct A<T>(b::C<T>);", &[]),
            (
                "pub struct A { pub b: c::D<e::F, G>, h: i::J }",
                &["c", "e"],
            ),
            (
                "pub enum A { B(c::D), E { f: g::H } }\nfn i() -> j::K {}",
                &["c", "g"],
            ),
            ("pub trait A: b::C { fn d(&self) -> e::F; }", &["b", "e"]),
            ("pub type A<T> = b::C<dyn d::E<Output = T>>;", &["b", "d"]),
            ("pub const A: b::C = d::E;", &["b"]),
            ("pub use a::{B, c::D};\npub mod e;", &["a", "a"]),
            (
                "impl a::B<c::D> for E where F: g::H { fn i(j: k::L) {} }",
                &["a", "c", "g"],
            ),
            (
                "impl A { pub fn b(c: d::E) -> impl Future<Output = f::G> { h::i() } }",
                &["d", "f"],
            ),
            (
                "pub(crate) fn a(b: c::D);\nfn e(f: g::H) {}\nuse i::J;",
                &[],
            ),
            ("#[cfg(test)]\nmod tests { pub fn a(b: c::D) {} }", &[]),
            ("pub", &[]),
            ("pub enum", &[]),
            ("impl a::B for", &[]),
        ] {
            assert_eq!(libraries(text), expected, "{text}");
        }
    }

    #[test]
    fn a_library_that_is_not_listed_and_one_listed_in_vain_are_breaches() {
        let told = |text: &str| {
            let members = [(
                "transport",
                &["bytes", "http", "serde_json", "hyper-util"][..],
            )];
            let path = "crates/transport/src/a.rs";
            let planted = fake::workspace(&members, &[], &[(path, text)]);
            let found = public_items_name_listed_libraries(&planted);
            found
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let listed = "pub fn f(a: http::Uri, b: bytes::Bytes) -> serde_json::Value { c() }";
        assert_eq!(told(listed), "");
        // What is not public, and what is of a type that is not.
        let inner = "\nuse hyper_util::A;\nstruct B;\nimpl A for B {}\nfn c(d: A) {}";
        assert_eq!(told(&[listed, inner].concat()), "");
        let leak = "\nuse hyper_util::A;\npub struct B;\nimpl A for B {}\npub fn c(d: A) {}";
        insta::assert_snapshot!(told(&[listed, leak].concat()), @"
        crates/transport/src/a.rs:5: `A` is public here, so users of transport would live with hyper_util too: wrap it, or put it on the list in xtask/src/tidy/surface.rs
        crates/transport/src/a.rs:4: `A` is public here, so users of transport would live with hyper_util too: wrap it, or put it on the list in xtask/src/tidy/surface.rs
        ");
        insta::assert_snapshot!(told("pub fn f(a: http::Uri, b: bytes::Bytes) {}"), @"xtask/src/tidy/surface.rs: no public item of transport names serde_json: take it off the list");
    }
}
