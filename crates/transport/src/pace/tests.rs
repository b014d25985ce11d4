//! What pacing promises, in simulated time and on a paused clock.

use std::num::NonZeroU32;

use super::{
    Pacing, Reserve,
    simulator::{Case, Fault, Model, Outcome, PLANS, Plan, Reset, run},
};

const MODELS: [Model; 3] = [Model::Continuous, Model::EverySecond, Model::FixedWindow];

/// The published limits up to 50, beyond which only the bench has the time to go, in every model and both readings of reset.
fn cases() -> impl Iterator<Item = Case> {
    let plans = PLANS.into_iter().filter(|plan| plan.burst <= 50);
    plans
        .flat_map(|plan| MODELS.map(|model| (plan, model)))
        .flat_map(|(plan, model)| {
            [Reset::Full, Reset::NextToken].map(|reset| Case {
                model,
                reset,
                ..Case::new(plan)
            })
        })
}

fn told(case: &Case, outcome: &Outcome) -> String {
    format!(
        "{} {:?} {:?} at {} s: {:.2} % used, {:.3} % refused, {} from the reserve",
        case.plan.name,
        case.model,
        case.reset,
        case.latency,
        100.0 * outcome.used,
        100.0 * outcome.refused,
        outcome.violations
    )
}

#[test]
fn every_limit_is_used_and_next_to_nothing_refused() {
    for case in cases() {
        for latency in [0.001, 0.03, 0.3] {
            let case = Case {
                latency,
                ..case.clone()
            };
            let outcome = run(&case);
            assert!(outcome.used >= 0.99, "{}", told(&case, &outcome));
            assert!(outcome.refused <= 0.002, "{}", told(&case, &outcome));
        }
    }
}

#[test]
fn two_seconds_of_latency_cost_learning_and_no_more() {
    for case in cases() {
        let case = Case {
            latency: 2.0,
            seconds: 600.0,
            ..case
        };
        let outcome = run(&case);
        assert!(outcome.used >= 0.99, "{}", told(&case, &outcome));
        assert!(outcome.refused <= 0.002, "{}", told(&case, &outcome));
    }
}

#[test]
fn the_reserve_is_never_taken_from() {
    for case in cases() {
        let case = Case {
            reserve: Reserve::percent(20.0).unwrap(),
            ..case
        };
        let outcome = run(&case);
        assert_eq!(outcome.violations, 0, "{}", told(&case, &outcome));
        // Of a bucket of two one is left to others, which leaves no room at all.
        let expected = if case.plan.burst == 2 { 0.49 } else { 0.99 };
        assert!(outcome.used >= expected, "{}", told(&case, &outcome));
        assert!(outcome.refused <= 0.002, "{}", told(&case, &outcome));
    }
}

#[test]
fn however_far_away_the_reserve_is_never_taken_from() {
    for case in cases() {
        for latency in [0.001, 0.3, 2.0] {
            let case = Case {
                latency,
                reserve: Reserve::percent(20.0).unwrap(),
                ..case.clone()
            };
            let outcome = run(&case);
            assert_eq!(outcome.violations, 0, "{}", told(&case, &outcome));
        }
    }
}

#[test]
fn the_reserve_is_left_however_the_clocks_stand_to_each_other() {
    for case in cases().filter(|case| case.reset == Reset::Full) {
        for seed in 0..8 {
            for latency in [0.001, 0.3] {
                let case = Case {
                    seed,
                    latency,
                    seconds: 120.0,
                    reserve: Reserve::percent(10.0).unwrap(),
                    ..case.clone()
                };
                let outcome = run(&case);
                assert_eq!(outcome.violations, 0, "{seed}: {}", told(&case, &outcome));
                // Of a bucket of two only the reset tells when it is full again, in whole seconds.
                let expected = if case.plan.burst == 2 { 0.24 } else { 0.98 };
                assert!(
                    outcome.used >= expected,
                    "{seed}: {}",
                    told(&case, &outcome)
                );
            }
        }
    }
}

#[test]
fn another_client_gets_its_half_and_what_it_leaves_is_used() {
    for case in cases() {
        for latency in [0.001, 0.03, 0.3] {
            let case = Case {
                latency,
                other: 0.5,
                ..case.clone()
            };
            let outcome = run(&case);
            let served = 100.0 * outcome.others_served;
            let told = format!("{}, the other {served:.0} %", told(&case, &outcome));
            // Nobody knows what a stranger has left of a bucket of two.
            let is_tiny = case.plan.burst == 2;
            let expected = match latency {
                0.3 if is_tiny => 0.7,
                0.3 => 0.8,
                _ => 0.95,
            };
            assert!(outcome.used >= expected, "{told}");
            // A whole minute's share is taken as soon as it is there.
            let is_minute = case.plan.is_per_minute && case.model == Model::FixedWindow;
            if !is_tiny && !is_minute {
                assert!(outcome.others_served >= 0.8, "{told}");
            }
        }
    }
}

/// Requests let through and refused between two times.
fn between(outcome: &Outcome, from: f64, until: f64) -> (usize, usize) {
    let arrivals = outcome.arrivals.iter();
    let arrivals: Vec<_> = arrivals
        .filter(|arrival| (from..until).contains(&arrival.0))
        .collect();
    let through = arrivals.iter().filter(|arrival| arrival.1).count();
    (through, arrivals.len() - through)
}

fn fifty() -> Plan {
    PLANS
        .into_iter()
        .find(|plan| plan.burst == 50 && plan.sustained == 50)
        .unwrap()
}

#[test]
fn a_change_of_the_rate_is_followed_within_three_seconds() {
    for model in MODELS {
        for burst in [50.0, 10.0] {
            let case = Case {
                model,
                changes: vec![(20.0, burst, 10.0), (40.0, 50.0, 50.0)],
                ..Case::new(fifty())
            };
            let outcome = run(&case);
            let (slow, refused) = between(&outcome, 23.0, 33.0);
            assert!(
                (95..=115).contains(&slow) && refused == 0,
                "{model:?} {burst}: {slow}, {refused} refused"
            );
            let (fast, refused) = between(&outcome, 43.0, 53.0);
            assert!(
                (475..=550).contains(&fast) && refused == 0,
                "{model:?} {burst}: {fast}, {refused} refused"
            );
        }
    }
}

#[test]
fn another_client_that_comes_and_goes_is_made_room_for() {
    for latency in [0.001, 0.03, 0.3] {
        let case = Case {
            latency,
            other: 0.5,
            other_from: 20.0,
            other_until: 40.0,
            ..Case::new(fifty())
        };
        let outcome = run(&case);
        let (beside, refused) = between(&outcome, 23.0, 40.0);
        assert!(
            (380..=475).contains(&beside) && refused < 40,
            "{latency}: {beside}, {refused} refused"
        );
        let (alone, refused) = between(&outcome, 45.0, 55.0);
        assert!(
            alone >= 450 && refused == 0,
            "{latency}: {alone}, {refused} refused"
        );
    }
}

/// Of what was there in windows of ten seconds between two times, how much was used in the worst.
fn worst_window(outcome: &Outcome, from: usize, until: usize) -> f64 {
    let windows = (from..until).step_by(10).map(|from| {
        let (through, _) = between(outcome, from as f64, from as f64 + 10.0);
        let ((before, lost), (after, lost_since)) =
            (outcome.levels[from - 1], outcome.levels[from + 9]);
        let unused = lost_since - lost + (after - before).max(0.0);
        through as f64 / (through as f64 + unused).max(1.0)
    });
    windows.fold(f64::INFINITY, f64::min)
}

#[test]
fn beside_others_it_is_never_stuck() {
    let two = Case {
        clients: 2,
        ..Case::new(fifty())
    };
    let greedy = Case {
        other: 5.0,
        other_from: 20.0,
        other_until: 40.0,
        ..Case::new(fifty())
    };
    let nine_tenths = Case {
        other: 0.9,
        ..Case::new(fifty())
    };
    let faulty = Case {
        fault: |random, now| match random.u32(..200) {
            _ if now > 40.0 => None,
            0 => Some(Fault::Lost),
            1 => Some(Fault::Unanswered),
            2 => Some(Fault::Spurious),
            3 => Some(Fault::Skewed(random.i64(-3..=3))),
            _ => None,
        },
        ..two.clone()
    };
    let undated = Case {
        fault: |_, _| Some(Fault::Undated),
        reset: Reset::NextToken,
        ..Case::new(fifty())
    };
    for (name, case, least) in [
        ("two", two, 0.8),
        ("all of it taken", greedy, 0.8),
        ("nine tenths taken", nine_tenths, 0.6),
        ("two, with faults", faulty, 0.8),
        ("undated", undated, 0.45),
    ] {
        for seed in 0..4 {
            for model in [Model::Continuous, Model::EverySecond] {
                let case = Case {
                    seed,
                    model,
                    in_flight: 100,
                    seconds: 160.0,
                    ..case.clone()
                };
                let outcome = run(&case);
                let used = worst_window(&outcome, 100, 150);
                let told = format!("{name}, {model:?}, {seed}: {used:.2}");
                assert!(used >= least, "{told}");
                let late = outcome.arrivals.iter().filter(|arrival| arrival.0 > 100.0);
                let through: Vec<_> = late.filter(|arrival| arrival.1).collect();
                // Where it is refilled by the millisecond nothing tells what another takes from what comes in.
                let judged = if model == Model::EverySecond {
                    case.clients
                } else {
                    0
                };
                for client in 0..judged {
                    let own = through.iter().filter(|arrival| arrival.3 == client).count();
                    let share = own as f64 / through.len() as f64;
                    assert!(share >= 0.05, "{told}: {client} has {share:.2}");
                }
            }
        }
    }
}

#[test]
fn without_headers_the_429s_alone_tell() {
    for model in MODELS {
        let case = Case {
            model,
            headers: |_| false,
            in_flight: 64,
            seconds: 300.0,
            ..Case::new(fifty())
        };
        let outcome = run(&case);
        assert!(
            outcome.used > 0.7 && outcome.refused < 0.1,
            "{}",
            told(&case, &outcome)
        );
    }
}

#[test]
fn refusals_that_name_no_limit_slow_nothing_down() {
    for model in MODELS {
        for latency in [0.001, 0.03, 0.3] {
            let case = Case {
                model,
                latency,
                refusals: |now| (20.0..50.0).contains(&now),
                in_flight: 64,
                ..Case::new(fifty())
            };
            let outcome = run(&case);
            let (through, refused) = between(&outcome, 20.0, 50.0);
            assert!(
                through >= 1_400 && refused == 0,
                "{model:?} {latency}: {through}, {refused} refused"
            );
        }
    }
}

#[test]
fn headers_may_vanish_and_return() {
    for model in MODELS {
        let case = Case {
            model,
            headers: |now| !(20.0..40.0).contains(&now),
            in_flight: 64,
            ..Case::new(fifty())
        };
        let outcome = run(&case);
        let (blind, refused) = between(&outcome, 20.0, 40.0);
        assert!(
            blind > 700 && refused < 60,
            "{model:?}: {blind}, {refused} refused"
        );
        let (seeing, refused) = between(&outcome, 45.0, 55.0);
        assert!(
            seeing >= 450 && refused <= 1,
            "{model:?}: {seeing}, {refused} refused"
        );
    }
}

#[test]
fn what_makes_no_sense_is_refused_when_it_is_set() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        Pacing::default().rate(rate).unwrap_err();
    }
    for percent in [-1.0, 100.0, f64::NAN] {
        Reserve::percent(percent).unwrap_err();
    }
    let pacing = Pacing::default()
        .in_flight(NonZeroU32::MIN)
        .rate(0.5)
        .unwrap();
    assert!(format!("{pacing:?}").contains("0.5"));
}
