//! A plot of what a client sends against what is left in the bucket.

use std::fmt::Write as _;

use super::{Case, PLANS, Reserve, run};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 40.0;
const SECONDS: f64 = 40.0;

/// Requests a second, the level of the bucket and the 429s of 40 seconds on the Enterprise plan, with a fifth reserved, beside
/// another client from 20 s on.
pub(super) fn svg() -> String {
    let plan = PLANS
        .into_iter()
        .find(|plan| plan.name == "Enterprise, production")
        .unwrap();
    let case = Case {
        reserve: Reserve::percent(20.0).unwrap(),
        other: 0.5,
        other_from: 20.0,
        seconds: SECONDS,
        ..Case::new(plan)
    };
    let outcome = run(&case);
    let arrivals: Vec<_> = outcome
        .arrivals
        .iter()
        .filter(|arrival| arrival.0 < SECONDS)
        .collect();
    let x = |seconds: f64| LEFT + seconds / SECONDS * WIDTH;
    let y = |requests: f64| TOP + HEIGHT * (1.0 - requests / 60.0);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" font-family="sans-serif" font-size="12" role="img">
<title>Requests of a bulk job against the bucket of a tenant on the Enterprise plan</title>
<style>
:root {{ --ink: #24292f; --faint: #d0d7de; --sent: #4f8fd0; --level: #b35900; --refused: #cf222e; --paper: #ffffff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6edf3; --faint: #3d444d; --sent: #4f8fd0; --level: #f0a04b; --refused: #ff7b72; --paper: #0d1117; }} }}
text {{ fill: var(--ink); }}
</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
"#,
        LEFT + WIDTH + 90.0,
        TOP + HEIGHT + 62.0
    );
    for requests in (0..=60).step_by(10) {
        let at = y(f64::from(requests));
        let _ = writeln!(
            svg,
            r#"<line x1="{LEFT}" x2="{}" y1="{at}" y2="{at}" stroke="var(--faint)"/><text x="{}" y="{}" text-anchor="end">{requests}</text>"#,
            LEFT + WIDTH,
            LEFT - 6.0,
            at + 4.0
        );
    }
    for seconds in (0..=40).step_by(5) {
        let _ = writeln!(
            svg,
            r#"<text x="{}" y="{}" text-anchor="middle">{seconds} s</text>"#,
            x(f64::from(seconds)),
            TOP + HEIGHT + 18.0
        );
    }
    for second in 0..SECONDS as usize {
        let of = |through: bool| {
            let these = arrivals
                .iter()
                .filter(|arrival| arrival.0 as usize == second);
            these.filter(|arrival| arrival.1 == through).count() as f64
        };
        let (sent, refused) = (of(true), of(false));
        let _ = writeln!(
            svg,
            r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="var(--sent)" opacity="0.6"/>"#,
            x(second as f64) + 1.0,
            y(sent),
            WIDTH / SECONDS - 2.0,
            HEIGHT * sent / 60.0
        );
        if refused > 0.0 {
            let _ = writeln!(
                svg,
                r#"<circle cx="{:.1}" cy="{:.1}" r="4" fill="var(--refused)"><title>{refused} answered 429</title></circle>"#,
                x(second as f64 + 0.5),
                y(sent) - 8.0
            );
        }
    }
    let line: Vec<_> = arrivals
        .iter()
        .map(|arrival| format!("{:.1},{:.1}", x(arrival.0), y(arrival.2)))
        .collect();
    let _ = writeln!(
        svg,
        r#"<polyline points="{}" fill="none" stroke="var(--level)" stroke-width="1.5"/>"#,
        line.join(" ")
    );
    let reserved = case.reserve.of(f64::from(plan.burst));
    let _ = writeln!(
        svg,
        r#"<line x1="{LEFT}" x2="{}" y1="{2}" y2="{2}" stroke="var(--level)" stroke-dasharray="4 3"/><text x="{}" y="{3}" >{reserved} reserved</text>"#,
        LEFT + WIDTH,
        LEFT + WIDTH + 6.0,
        y(reserved),
        y(reserved) + 4.0
    );
    let _ = writeln!(
        svg,
        r#"<line x1="{0}" x2="{0}" y1="{TOP}" y2="{1}" stroke="var(--ink)" stroke-dasharray="2 3"/><text x="{2}" y="{3}">another client from here on</text>"#,
        x(20.0),
        TOP + HEIGHT,
        x(20.0) + 5.0,
        TOP + 12.0
    );
    let legend = [
        ("sent in a second", "--sent"),
        ("left in the bucket", "--level"),
        ("429", "--refused"),
    ];
    for (index, (name, colour)) in legend.into_iter().enumerate() {
        let at = LEFT + 180.0 * index as f64;
        let _ = writeln!(
            svg,
            r#"<rect x="{at}" y="{}" width="12" height="12" fill="var({colour})"/><text x="{}" y="{}">{name}</text>"#,
            TOP + HEIGHT + 36.0,
            at + 18.0,
            TOP + HEIGHT + 46.0
        );
    }
    let _ = writeln!(
        svg,
        r#"<text x="{LEFT}" y="22" font-weight="bold">Enterprise plan (burst 50, 16 per second), a fifth reserved</text>"#
    );
    svg.push_str("</svg>\n");
    svg
}
