//! How well a client keeps to the tenant's rate limit: `cargo bench -p transport --bench pacing [-- PLOT.svg]`.
//!
//! A table, in simulated time, of every published limit under every model of how it is refilled: what is used of it after
//! a learning window of twice the limit, and what is answered 429; alone, with a fifth left to others, and beside another
//! client. And what 10,000 waiting requests cost, or, if a file is named, a plot of requests against the bucket.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    unreachable_pub,
    dead_code,
    unused_imports,
    reason = "a bench measures and prints, and shares its simulator with the tests"
)]

mod pace {
    pub(crate) use transport::Reserve;

    #[path = "../../../src/pace/bucket/mod.rs"]
    mod bucket;
    pub(crate) mod simulator;
}
mod plot;
mod waiting;

use pace::{
    Reserve,
    simulator::{Case, Model, Outcome, PLANS, Plan, Reset, run},
};

const MODELS: [Model; 3] = [Model::Continuous, Model::EverySecond, Model::FixedWindow];
/// Of a round trip, and for how long it is looked at if not as usual: learning at two seconds takes its time.
const LATENCIES: [(f64, Option<f64>); 4] =
    [(0.001, None), (0.03, None), (0.3, None), (2.0, Some(600.0))];

/// The worst of several outcomes.
#[derive(Clone, Copy)]
struct Worst {
    used: f64,
    refused: f64,
    violations: usize,
    others_served: f64,
}

impl Worst {
    fn of(cases: impl Iterator<Item = Case>) -> Self {
        let none = Self {
            used: f64::INFINITY,
            refused: 0.0,
            violations: 0,
            others_served: f64::INFINITY,
        };
        cases.map(|case| run(&case)).fold(none, Self::and)
    }

    fn and(self, outcome: Outcome) -> Self {
        Self {
            used: self.used.min(outcome.used),
            refused: self.refused.max(outcome.refused),
            violations: self.violations + outcome.violations,
            others_served: self.others_served.min(outcome.others_served),
        }
    }

    fn shared_cell(self) -> String {
        format!("{} / {:.0}", self.cell(), 100.0 * self.others_served)
    }

    fn cell(self) -> String {
        format!("{:.1} / {:.2}", 100.0 * self.used, 100.0 * self.refused)
    }
}

fn cases(plan: Plan, model: Model, latency: f64) -> impl Iterator<Item = Case> {
    [Reset::Full, Reset::NextToken]
        .into_iter()
        .map(move |reset| Case {
            model,
            reset,
            latency,
            ..Case::new(plan)
        })
}

fn table() {
    println!(
        "Used of the limit / answered 429 / of what the other client asked for, let through; in percent, the worse of both readings of reset; latency of a round trip:\n"
    );
    println!(
        "| Limit | Refilled | 1 ms | 30 ms | 300 ms | 2 s, ten minutes | a fifth reserved, 30 ms | beside another client, 30 ms | beside another client, 300 ms |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let fifth = Reserve::percent(20.0).unwrap();
    let mut violations = 0;
    for plan in PLANS {
        for model in MODELS {
            let alone: Vec<_> = LATENCIES
                .iter()
                .map(|&(latency, seconds)| {
                    let cases = cases(plan, model, latency).map(|case| Case {
                        seconds: seconds.unwrap_or(case.seconds),
                        ..case
                    });
                    Worst::of(cases).cell()
                })
                .collect();
            let reserved = Worst::of(cases(plan, model, 0.03).map(|case| Case {
                reserve: fifth,
                ..case
            }));
            let [near, far] = [0.03, 0.3].map(|latency| {
                Worst::of(cases(plan, model, latency).map(|case| Case { other: 0.5, ..case }))
            });
            violations += reserved.violations;
            println!(
                "| {}, {} | {model:?} | {} | {} | {} | {} |",
                plan.name,
                plan.figures(),
                alone.join(" | "),
                reserved.cell(),
                near.shared_cell(),
                far.shared_cell()
            );
        }
    }
    println!("\nRequests of ours that took from the reserve: {violations}");
}

/// How well a reserve is kept, however the tenant's clock and ours stand to each other.
fn reserves() {
    println!("\nTaken from a reserve of a tenth, over two dozen starts and ten minutes each:\n");
    for latency in [0.001, 0.03, 0.3, 1.0, 2.0] {
        let (mut violations, mut sent) = (0, 0);
        let plans = PLANS.into_iter().filter(|plan| plan.burst <= 50);
        for (plan, model) in plans.flat_map(|plan| MODELS.map(|model| (plan, model))) {
            for seed in 0..24 {
                let outcome = run(&Case {
                    model,
                    latency,
                    seed,
                    reserve: Reserve::percent(10.0).unwrap(),
                    seconds: 600.0,
                    ..Case::new(plan)
                });
                violations += outcome.violations;
                sent += outcome.arrivals.len();
            }
        }
        let share = 1e6 * violations as f64 / sent as f64;
        println!("- {latency} s: {violations} of {sent} requests, {share:.0} in a million");
    }
}

fn main() {
    let file = std::env::args()
        .skip(1)
        .find(|argument| argument.ends_with(".svg"));
    if let Some(file) = file {
        std::fs::write(&file, plot::svg()).unwrap();
        println!("{file} written");
        return;
    }
    // First, while the process holds no memory that was given back and not returned.
    waiting::measure();
    table();
    reserves();
}
