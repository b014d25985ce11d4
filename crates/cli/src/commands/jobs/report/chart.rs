//! What a run did over time, drawn: rows as bars, and where the tenant refused for its rate limit.

use std::{fmt::Write as _, time::Duration};

use unlink_batch::Slice;

use super::page::escaped;
use crate::text::{count, counted, span};

const WIDTH: u64 = 720;
const HEIGHT: u64 = 190;
const LEFT: u64 = 46;
const RIGHT: u64 = 12;
const TOP: u64 = 28;
const BOTTOM: u64 = 24;
/// More bars than that are too thin to be seen.
const MOST_BARS: u64 = 120;

/// What was done in a few slices that follow each other.
#[derive(Clone, Copy, Default)]
struct Bar {
    rows: u64,
    failures: u64,
    refused: u64,
}

/// The slices of the run of this number as a picture; nothing if it was over before there was anything to see.
pub(super) fn drawn(slices: &[Slice], run: u64, began: &str, ended: &str) -> Option<String> {
    let start = slices.iter().map(|slice| slice.at).min()?;
    let length = Slice::LENGTH.as_secs().max(1);
    let place =
        |slice: &Slice| slice.at.duration_since(start).unwrap_or_default().as_secs() / length;
    let all = slices.iter().map(place).max()? + 1;
    if all < 2 {
        return None;
    }
    let together = all.div_ceil(MOST_BARS);
    let number = all.div_ceil(together);
    let mut bars = vec![Bar::default(); usize::try_from(number).ok()?];
    for slice in slices {
        let index = usize::try_from(place(slice) / together).ok()?;
        let bar = bars.get_mut(index)?;
        bar.rows += slice.rows;
        bar.failures += slice.failures;
        bar.refused += slice.traffic.refused;
    }
    let each = Duration::from_secs(length * together);
    Some(svg(&bars, each, run, began, ended))
}

fn svg(bars: &[Bar], each: Duration, run: u64, began: &str, ended: &str) -> String {
    let most = bars
        .iter()
        .map(|bar| bar.rows)
        .max()
        .unwrap_or_default()
        .max(1);
    let top = round(most);
    let (rows, refused): (u64, u64) = bars.iter().fold((0, 0), |(rows, refused), bar| {
        (rows + bar.rows, refused + bar.refused)
    });
    let plot = HEIGHT - TOP - BOTTOM;
    let floor = HEIGHT - BOTTOM;
    let described = format!(
        "{} in {} of {} each, {} at most in one; the tenant refused {} for its rate limit.",
        counted(rows, "row", "rows"),
        counted(bars.len() as u64, "step", "steps"),
        span(each),
        count(most),
        counted(refused, "request", "requests"),
    );
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"t{run} d{run}\">\
         <title id=\"t{run}\">Rows over time, run {run}</title><desc id=\"d{run}\">{}</desc>\n",
        escaped(&described)
    );
    // Writing to a text does not fail.
    for part in [0, top / 2, top] {
        let y = floor - plot * part / top;
        let _ = writeln!(
            svg,
            "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6,
            y + 4,
            count(part)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"16\">rows in {}</text>",
        span(each)
    );
    // In hundredths, so that many bars stay evenly wide.
    let slot = (WIDTH - LEFT - RIGHT) * 100 / (bars.len() as u64).max(1);
    // A run of a moment is no wall.
    let wide = (slot * 4 / 5).clamp(60, 4_000);
    for (index, bar) in (0_u64..).zip(bars) {
        let x = LEFT * 100 + slot * index + (slot - wide.min(slot)) / 2;
        let (full, bad) = (
            plot * 100 * bar.rows / top,
            plot * 100 * bar.failures.min(bar.rows) / top,
        );
        if bar.rows > 0 {
            let told = format!(
                "{}, {} of them not as they should",
                counted(bar.rows, "row", "rows"),
                bar.failures
            );
            let _ = writeln!(
                svg,
                "<rect class=\"rows\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
                hundredths(x),
                hundredths(floor * 100 - full),
                hundredths(wide),
                hundredths(full),
                escaped(&told)
            );
        }
        if bar.failures > 0 {
            let _ = writeln!(
                svg,
                "<rect class=\"bad\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                hundredths(x),
                hundredths(floor * 100 - bad.max(200)),
                hundredths(wide),
                hundredths(bad.max(200))
            );
        }
        if bar.refused > 0 {
            let middle = x + wide / 2;
            let (left, right) = (middle.saturating_sub(350), middle + 350);
            let _ = writeln!(
                svg,
                "<path class=\"wall\" d=\"M{} 19 L{} 19 L{} 26 Z\"><title>{}</title></path>",
                hundredths(left),
                hundredths(right),
                hundredths(middle),
                escaped(&format!(
                    "{} refused (429)",
                    counted(bar.refused, "request", "requests")
                ))
            );
        }
    }
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{y}\">{}</text><text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{}</text></svg>",
        escaped(began),
        WIDTH - RIGHT,
        escaped(ended),
        y = HEIGHT - 8,
    );
    svg
}

/// The next number that is easily halved and read.
fn round(most: u64) -> u64 {
    let mut step = 2;
    loop {
        for times in [1, 2, 5] {
            if step * times >= most {
                return step * times;
            }
        }
        step *= 10;
    }
}

fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (most, top) in [
            (1, 2),
            (3, 4),
            (7, 10),
            (11, 20),
            (41, 100),
            (160, 200),
            (9_999, 10_000),
        ] {
            assert_eq!(round(most), top, "{most}");
        }
    }
}
