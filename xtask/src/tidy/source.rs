//! A rough reading of Rust: code without comments, literals and tests, and the paths it names.

use super::surface::Surface;

/// What counts in a source file.
pub(super) struct Code {
    /// Each path that is named; macros as `name!`, methods that take arguments as `.name(`, others as `.name()` after
    /// the one before, `loop`, `while`, and where their block awaits `for`,
    /// or `for ..` if it counts; renames and globs of imports.
    pub(super) names: Vec<Name>,
    /// The string literals.
    pub(super) literals: Vec<Name>,
    /// What is public.
    pub(super) surface: Surface,
    /// How many lines are left without the tests.
    pub(super) lines: usize,
}

/// A piece of text and its line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) line: usize,
    pub(super) text: String,
}

impl Code {
    pub(super) fn new(text: &str) -> Self {
        let (code, mut literals) = blanked(text);
        let tests = test_items(&code);
        let is_test = |line: usize| {
            tests
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&line))
        };
        let tokens = tokens(&code);
        let mut names = names(&tokens);
        names.retain(|name| !is_test(name.line));
        let mut surface = Surface::read(&tokens);
        surface.retain(|name| !is_test(name.line));
        literals.retain(|literal| !is_test(literal.line));
        let lines = (1..=text.lines().count())
            .filter(|line| !is_test(*line))
            .count();
        Self {
            names,
            literals,
            surface,
            lines,
        }
    }
}

/// Returns the text with blanks for its comments and literals, and the string literals.
fn blanked(text: &str) -> (String, Vec<Name>) {
    let mut code = String::with_capacity(text.len());
    let mut literals = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (len, literal) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if rest.starts_with("/*") {
            (block_comment(rest), None)
        } else if let Some((len, body)) = string_literal(rest) {
            (len, Some(body))
        } else if let Some(len) = char_literal(rest) {
            (len, None)
        } else {
            line += usize::from(first == '\n');
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        literals.extend(literal.map(|body| Name {
            line,
            text: body.to_owned(),
        }));
        let (skipped, tail) = rest.split_at(len);
        code.extend(skipped.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        line += skipped.matches('\n').count();
        rest = tail;
    }
    (code, literals)
}

/// The length of the comment that `text` starts with; comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length and the body of the string that `text` starts with.
fn string_literal(text: &str) -> Option<(usize, &str)> {
    if let Some(raw) = text.strip_prefix('r') {
        let body = raw.trim_start_matches('#');
        let hashes = raw.len() - body.len();
        let body = body.strip_prefix('"')?;
        let end = body
            .find(&format!("\"{}", "#".repeat(hashes)))
            .unwrap_or(body.len());
        return Some(((2 + 2 * hashes + end + 1).min(text.len()), &body[..end]));
    }
    let body = text.strip_prefix('"')?;
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((at + 2, &body[..at])),
            _ => {}
        }
    }
    Some((text.len(), body))
}

/// The length of the character that `text` starts with; a lifetime is none.
fn char_literal(text: &str) -> Option<usize> {
    let mut chars = text.strip_prefix('\'')?.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next();
        return chars.find(|(_, c)| *c == '\'').map(|(at, _)| at + 2);
    }
    chars
        .next()
        .filter(|(_, c)| *c == '\'')
        .map(|(at, _)| at + 2)
}

/// The first and last line of each item that is compiled for tests only.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let line_at = |at: usize| 1 + code[..at].matches('\n').count();
    let item = |(start, _): (usize, &str)| {
        let body = start + ATTRIBUTE.len();
        (line_at(start), line_at(body + item_len(&code[body..])))
    };
    code.match_indices(ATTRIBUTE).map(item).collect()
}

/// How far an item reaches: to its semicolon, or to the end of its block.
fn item_len(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '}' if depth <= 1 => return at,
            '}' => depth -= 1,
            ';' if depth == 0 => return at,
            _ => {}
        }
    }
    code.len()
}

#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    Word(&'a str),
    PathSeparator,
    Mark(char),
}

fn tokens(code: &str) -> Vec<(usize, Token<'_>)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let (len, token) = if is_word(first) {
            let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            (len, Some(Token::Word(&rest[..len])))
        } else if rest.starts_with("::") {
            (2, Some(Token::PathSeparator))
        } else {
            line += usize::from(first == '\n');
            (
                first.len_utf8(),
                (!first.is_whitespace()).then_some(Token::Mark(first)),
            )
        };
        tokens.extend(token.map(|token| (line, token)));
        rest = &rest[len..];
    }
    tokens
}

fn names(mut tokens: &[(usize, Token<'_>)]) -> Vec<Name> {
    let mut names = Vec::new();
    // The last call without arguments, and how many tokens were left after it.
    let mut last_call = (usize::MAX, String::new());
    while let [(line, token), rest @ ..] = tokens {
        tokens = rest;
        let mut text = match token {
            Token::Mark('.') => match rest {
                [
                    (_, Token::Word(method)),
                    (_, Token::Mark('(')),
                    (_, argument),
                    ..,
                ] => {
                    // `.expose()` of a `.body()` is another than that of a token.
                    let call = match argument {
                        Token::Mark(')') => format!(".{method}()"),
                        _ => format!(".{method}("),
                    };
                    let (end, before) = std::mem::take(&mut last_call);
                    let text = if end == rest.len() + 1 && call.ends_with(')') {
                        format!("{before}{call}")
                    } else {
                        call.clone()
                    };
                    if call.ends_with(')') {
                        last_call = (rest.len() - 3, call);
                    }
                    text
                }
                _ => continue,
            },
            // What follows a type in angle brackets: `<dyn Trait>::method`.
            Token::Mark('>')
                if matches!(rest, [(_, Token::PathSeparator), (_, Token::Word(_)), ..]) =>
            {
                String::new()
            }
            Token::Word("extern") if matches!(rest, [(_, Token::Word("crate")), ..]) => {
                tokens = use_tree("", &rest[1..], &mut names);
                continue;
            }
            Token::Word("for") => match loop_that_awaits(rest) {
                Some(counts) => counts.to_owned(),
                None => continue,
            },
            Token::Word("use") => {
                tokens = use_tree("", rest, &mut names);
                continue;
            }
            Token::Word(word) => (*word).to_owned(),
            _ => continue,
        };
        while let [(_, Token::PathSeparator), (_, Token::Word(word)), rest @ ..] = tokens {
            text = format!("{text}::{word}");
            tokens = rest;
        }
        if let [(_, Token::Mark('!')), (_, next), ..] = tokens
            && !matches!(next, Token::Mark('='))
        {
            text.push('!');
        }
        let counts = text.contains("::") || text.starts_with('.') || text.ends_with('!');
        if counts || ["for", "for ..", "loop", "while"].contains(&text.as_str()) {
            names.push(Name { line: *line, text });
        }
    }
    names
}

/// What a `for` is called if it is a loop that awaits in its block; that of an `impl` has no `in`.
fn loop_that_awaits(tokens: &[(usize, Token<'_>)]) -> Option<&'static str> {
    let mut depth = 0_usize;
    let mut name = "for";
    let mut is_loop = false;
    let mut in_block = false;
    let next = tokens
        .iter()
        .skip(1)
        .map(|(_, token)| token)
        .chain([&Token::PathSeparator]);
    for ((_, token), next) in tokens.iter().zip(next) {
        match token {
            // Nothing is taken from what it goes over, or only a number.
            Token::Word("_") if depth == 0 && !is_loop => name = "for ..",
            Token::Mark('.') if is_loop && !in_block && matches!(next, Token::Mark('.')) => {
                name = "for ..";
            }
            Token::Word("in") if depth == 0 => is_loop = true,
            Token::Word("await") if in_block => return Some(name),
            Token::Mark('{') if depth == 0 && !is_loop => return None,
            Token::Mark(c @ ('(' | '[' | '{')) => {
                in_block |= depth == 0 && *c == '{';
                depth += 1;
            }
            Token::Mark(c @ (')' | ']' | '}')) => {
                depth = depth.saturating_sub(1);
                if depth == 0 && in_block && *c == '}' {
                    return None;
                }
            }
            Token::Mark(';') if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Adds every path of the tree that `tokens` start with, and returns what follows the tree.
pub(super) fn use_tree<'t, 'a>(
    prefix: &str,
    mut tokens: &'t [(usize, Token<'a>)],
    names: &mut Vec<Name>,
) -> &'t [(usize, Token<'a>)] {
    let mut path = prefix.to_owned();
    let mut line = 0;
    loop {
        match tokens {
            [(_, Token::PathSeparator), rest @ ..] => tokens = rest,
            [(_, Token::Word("as")), (at, Token::Word(alias)), rest @ ..] => {
                if *alias != "_" {
                    names.push(Name {
                        line: *at,
                        text: format!("{path} as {alias}"),
                    });
                }
                tokens = rest;
            }
            [(at, Token::Word(word)), rest @ ..] => {
                line = *at;
                match (path.is_empty(), *word) {
                    (true, word) => word.clone_into(&mut path),
                    (false, "self") => {}
                    (false, word) => path = format!("{path}::{word}"),
                }
                tokens = rest;
            }
            [(at, Token::Mark('*')), rest @ ..] => {
                line = *at;
                path.push_str("::*");
                tokens = rest;
            }
            [(_, Token::Mark('{')), rest @ ..] => {
                tokens = rest;
                while !matches!(tokens, [] | [(_, Token::Mark('}')), ..]) {
                    tokens = use_tree(&path, tokens, names);
                    if let [(_, Token::Mark(',')), rest @ ..] = tokens {
                        tokens = rest;
                    }
                }
                return tokens.get(1..).unwrap_or_default();
            }
            _ => break,
        }
    }
    if line > 0 {
        names.push(Name { line, text: path });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::Code;

    fn names(text: &str) -> Vec<String> {
        let name = |name: &super::Name| format!("{} {}", name.line, name.text);
        Code::new(text).names.iter().map(name).collect()
    }

    fn literals(text: &str) -> Vec<String> {
        Code::new(text)
            .literals
            .into_iter()
            .map(|literal| literal.text)
            .collect()
    }

    #[test]
    fn comments_literals_and_lifetimes_name_nothing() {
        let text = r###"
            // a::b
            /* c::d /* e::f */ g::h */
            let x: &'static str = "i::j \" k::l";
            let y = r#"m::n " o::p"#; let z = b"q::r"; let c = '"'; let d = '\''; let e = 'é';
            s::t();"###;
        assert_eq!(names(text), ["6 s::t"]);
        assert_eq!(
            literals(text),
            [r#"i::j \" k::l"#, r#"m::n " o::p"#, "q::r"]
        );
    }

    #[test]
    fn unfinished_text_ends_the_reading() {
        for text in [
            "/* a::b",
            "\"a::b",
            "r#\"a::b",
            "'",
            "'\\",
            "use a::{",
            "use",
            "#[cfg(test)]",
            "x!",
        ] {
            Code::new(text);
        }
    }

    #[test]
    fn trees_of_imports_are_spelled_out() {
        let text = "use std::{\n    env,\n    net::{self, IpAddr, *},\n    io::Read as _,\n};\nuse ::tokio::time as t;\nf()";
        let expected = [
            "2 std::env",
            "3 std::net",
            "3 std::net::IpAddr",
            "3 std::net::*",
            "4 std::io::Read",
            "6 tokio::time as t",
            "6 tokio::time",
        ];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn paths_macros_methods_and_loops_are_named() {
        let text = "Instant::now();\na.send(b::c::<D>).len().field\nprintln!(\"\"); if a != b {}\nloop { while x {} }";
        assert_eq!(
            names(text),
            [
                "1 Instant::now",
                "2 .send(",
                "2 b::c",
                "2 .len()",
                "3 println!",
                "4 loop",
                "4 while"
            ]
        );
    }

    #[test]
    fn a_call_without_arguments_is_named_with_the_one_before() {
        let text =
            "a.body().expose();\na.expose().split(b);\nx.f(y).g();\na.b()\n    .c()\n    .d();";
        assert_eq!(
            names(text),
            [
                "1 .body()",
                "1 .body().expose()",
                "2 .expose()",
                "2 .split(",
                "3 .f(",
                "3 .g()",
                "4 .b()",
                "5 .b().c()",
                "6 .c().d()",
            ]
        );
    }

    #[test]
    fn what_follows_a_type_in_brackets_is_named() {
        let text = "<dyn A>::b(c);\nextern crate std as s;";
        assert_eq!(names(text), ["1 ::b", "2 std as s", "2 std"]);
    }

    #[test]
    fn a_for_loop_is_named_where_its_block_awaits() {
        for (text, expected) in [
            ("for x in y { a(x).await?; }", &["1 for"][..]),
            ("for _ in f({ 3 }) {\n if a { b.await } }", &["1 for .."]),
            ("for n in 0..3 { b.await }", &["1 for .."]),
            ("for n in (1..=a) { b.await }", &["1 for .."]),
            ("for (_, a) in b { c[1..].await }", &["1 for"]),
            ("for a in b { c[1..].await }", &["1 for"]),
            ("for x in a().await { b(x); } c.await", &[]),
            ("impl A for B { async fn f() { c.await; } }", &[]),
            ("fn f<F>() where for<'a> F: G<'a> { c.await; }", &[]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn items_for_tests_do_not_count() {
        let text = "a::b();\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    fn f() { c::d(\"}\"); }\n}\ne::f();\n\
                    #[cfg(test)]\nmod more;\n#[cfg(test)]\nfn g(_: [u8; 2]) { h::i(); }\nj::k();\n#[cfg(not(test))]\nuse l::m;\n";
        assert_eq!(names(text), ["1 a::b", "7 e::f", "12 j::k", "14 l::m"]);
        assert!(literals(text).is_empty());
        assert_eq!(Code::new(text).lines, 5);
    }
}
