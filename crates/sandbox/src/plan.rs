//! Named rate-limit plans with the figures Auth0 publishes, and how their buckets are read.

use std::fmt;

/// What a call counts as when limits are per group of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    ReadUsers,
    WriteUsers,
    DeleteUsers,
    /// Link and unlink: Auth0 does not say which of its groups they count as.
    Identities,
    OtherManagement,
    Token,
    Keys,
}

/// How a bucket gets its tokens back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Model {
    /// By the millisecond: the documented way of limits per second.
    Continuous,
    /// At the start of each second, a second's share: the documented way of limits per minute.
    EverySecond,
    /// At the start of each second or minute, all of it: what another page of the documentation says.
    FixedWindow,
}

/// What `x-ratelimit-reset` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// When the bucket will be full again, as was recorded.
    #[default]
    Full,
    /// When tokens will be added next, as is documented.
    NextToken,
}

/// The rate limits of a tenant.
///
/// Source: <https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>
///
/// ```
/// use unlink_sandbox::Plan;
///
/// assert!(Plan::named("free").is_some());
/// assert!(Plan::names().any(|name| name == "enterprise"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(crate) name: &'static str,
    pub(crate) buckets: Vec<BucketSpec>,
}

/// One bucket of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketSpec {
    /// As the 429 message names it; none for the limit on everything.
    pub(crate) group: Option<&'static str>,
    pub(crate) counts: &'static [Group],
    pub(crate) burst: u32,
    pub(crate) sustained: u32,
    pub(crate) per: Per,
    pub(crate) model: Model,
}

/// What `sustained` is counted per.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    Second,
    Minute,
}

const MANAGEMENT: &[Group] = &[
    Group::ReadUsers,
    Group::WriteUsers,
    Group::DeleteUsers,
    Group::Identities,
    Group::OtherManagement,
];

/// Published tiers with one limit on the whole Management API: name, burst, sustained per second.
const GLOBAL: &[(&str, u32, u32)] = &[
    ("free", 2, 2),
    ("enterprise", 50, 16),
    ("enterprise-non-production", 10, 2),
    ("private-dev", 20, 20),
    ("private-100", 50, 50),
    ("private-500", 250, 250),
    ("private-1500", 750, 750),
    ("private-3000", 1500, 1500),
    ("private-6000", 3000, 3000),
    ("private-10000", 5000, 5000),
];

impl Plan {
    /// No limits, and no rate-limit headers.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            name: "unlimited",
            buckets: Vec::new(),
        }
    }

    /// One limit on the whole Management API: this many calls at once, and this many per second from then on.
    #[must_use]
    pub fn custom(burst: u32, per_second: u32) -> Self {
        Self {
            name: "custom",
            buckets: vec![management(burst.max(1), per_second.max(1))],
        }
    }

    /// A published plan: `free`, `essentials`, `professional`, `enterprise`, `enterprise-non-production`, a private-cloud
    /// tier such as `private-100`, or `unlimited`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if let Some((name, burst, sustained)) = GLOBAL.iter().find(|(known, ..)| *known == name) {
            let mut buckets = vec![management(*burst, *sustained)];
            match *name {
                "free" => buckets.extend([token(30), keys(20)]),
                "enterprise" | "enterprise-non-production" => buckets.push(token(100)),
                _ => {}
            }
            return Some(Self { name, buckets });
        }
        match name {
            "unlimited" => Some(Self::unlimited()),
            "essentials" => Some(per_group("essentials")),
            "professional" => Some(per_group("professional")),
            _ => None,
        }
    }

    /// The names [`named`](Self::named) knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let global = GLOBAL.iter().map(|(name, ..)| *name);
        ["unlimited", "essentials", "professional"]
            .into_iter()
            .chain(global)
    }

    /// The same limits with buckets that are refilled another way.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        for bucket in &mut self.buckets {
            bucket.model = model;
        }
        self
    }

    /// Whether it tells groups of Management operations apart.
    pub(crate) fn has_groups(&self) -> bool {
        self.buckets
            .iter()
            .any(|bucket| bucket.counts.contains(&Group::WriteUsers) && bucket.group.is_some())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn per_group(name: &'static str) -> Plan {
    let bucket = |group, counts, burst, sustained| BucketSpec {
        group: Some(group),
        counts,
        burst,
        sustained,
        per: Per::Minute,
        model: Model::EverySecond,
    };
    let buckets = vec![
        bucket("users_read", &[Group::ReadUsers][..], 40, 500),
        bucket("users_write", &[Group::WriteUsers], 20, 200),
        bucket("users_delete", &[Group::DeleteUsers], 20, 200),
        bucket("other", &[Group::OtherManagement], 10, 150),
        token(25),
    ];
    Plan { name, buckets }
}

const fn management(burst: u32, sustained: u32) -> BucketSpec {
    per_second(MANAGEMENT, burst, sustained)
}

const fn token(sustained: u32) -> BucketSpec {
    per_second(&[Group::Token], sustained, sustained)
}

const fn keys(sustained: u32) -> BucketSpec {
    per_second(&[Group::Keys], sustained, sustained)
}

const fn per_second(counts: &'static [Group], burst: u32, sustained: u32) -> BucketSpec {
    BucketSpec {
        group: None,
        counts,
        burst,
        sustained,
        per: Per::Second,
        model: Model::Continuous,
    }
}

#[cfg(test)]
mod tests {
    use super::{BucketSpec, Group, Plan};

    #[test]
    fn every_name_is_a_plan_of_that_name() {
        for name in Plan::names() {
            assert_eq!(Plan::named(name).unwrap().to_string(), name);
        }
        assert_eq!(Plan::named("Free"), None);
    }

    #[test]
    fn the_figures_are_the_published_ones() {
        // Burst, sustained, and per what.
        let figures = |name: &str| -> Vec<String> {
            let plan = Plan::named(name).unwrap();
            let figure = |bucket: &BucketSpec| {
                let name = bucket.group.unwrap_or(match bucket.counts {
                    [Group::Token] => "token",
                    [Group::Keys] => "keys",
                    _ => "all",
                });
                let BucketSpec {
                    burst,
                    sustained,
                    per,
                    model,
                    ..
                } = bucket;
                format!("{name} {burst}/{sustained} {per:?} {model:?}")
            };
            plan.buckets.iter().map(figure).collect()
        };
        let groups = [
            "users_read 40/500 Minute EverySecond",
            "users_write 20/200 Minute EverySecond",
            "users_delete 20/200 Minute EverySecond",
            "other 10/150 Minute EverySecond",
            "token 25/25 Second Continuous",
        ];
        let table: [(&str, &[&str]); 13] = [
            ("unlimited", &[]),
            (
                "free",
                &[
                    "all 2/2 Second Continuous",
                    "token 30/30 Second Continuous",
                    "keys 20/20 Second Continuous",
                ],
            ),
            ("essentials", &groups),
            ("professional", &groups),
            (
                "enterprise",
                &[
                    "all 50/16 Second Continuous",
                    "token 100/100 Second Continuous",
                ],
            ),
            (
                "enterprise-non-production",
                &[
                    "all 10/2 Second Continuous",
                    "token 100/100 Second Continuous",
                ],
            ),
            ("private-dev", &["all 20/20 Second Continuous"]),
            ("private-100", &["all 50/50 Second Continuous"]),
            ("private-500", &["all 250/250 Second Continuous"]),
            ("private-1500", &["all 750/750 Second Continuous"]),
            ("private-3000", &["all 1500/1500 Second Continuous"]),
            ("private-6000", &["all 3000/3000 Second Continuous"]),
            ("private-10000", &["all 5000/5000 Second Continuous"]),
        ];
        for (name, expected) in table {
            assert_eq!(figures(name), expected, "{name}");
        }
        assert_eq!(Plan::names().count(), table.len());
    }
}
