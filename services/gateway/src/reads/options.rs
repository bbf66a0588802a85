//! The options of reads on a gateway's command line.

use std::time::Duration;

/// How long answers to reads are kept, and how many.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Options {
    /// Seconds for which the answer to a read may be given again; 0: nothing is kept
    #[arg(long = "cache-ttl-seconds", env = "GATEWAY_CACHE_TTL_SECONDS", default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub ttl_seconds: u32,
    /// Seconds beyond that for which an old answer is given while a new one is fetched
    #[arg(long = "cache-stale-while-revalidate-seconds", env = "GATEWAY_CACHE_STALE_WHILE_REVALIDATE_SECONDS", default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub stale_while_revalidate_seconds: u32,
    /// Seconds beyond the first for which an old answer is given while Airtable can't be reached or fails
    #[arg(long = "cache-stale-if-error-seconds", env = "GATEWAY_CACHE_STALE_IF_ERROR_SECONDS", default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=604_800))]
    pub stale_if_error_seconds: u32,
    /// Seconds beyond the first for which an old answer is given while the month's quota is used up
    #[arg(long = "cache-stale-if-quota-seconds", env = "GATEWAY_CACHE_STALE_IF_QUOTA_SECONDS", default_value_t = 86_400, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=604_800))]
    pub stale_if_quota_seconds: u32,
    /// Bytes of all kept answers together; those not asked for longest go first
    #[arg(long = "cache-bytes", env = "GATEWAY_CACHE_BYTES", default_value_t = 16 << 20, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1 << 20..=1 << 34))]
    pub bytes: u64,
}

/// What is wrong where an old answer may be better than none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The month's quota of requests is used up.
    Quota,
    /// Airtable can't be reached, or fails.
    Unreachable,
}

/// What an answer of some age is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    Fresh,
    /// To be given while a new one is fetched.
    Stale,
    TooOld,
}

impl Options {
    /// Whether answers are kept at all.
    pub fn keeps(&self) -> bool {
        self.ttl_seconds > 0
    }

    /// The option that does nothing, since no answers are kept.
    pub fn idle(&self) -> Option<&'static str> {
        match self {
            _ if self.keeps() => None,
            Self { stale_if_error_seconds: 1.., .. } => Some("--cache-stale-if-error-seconds"),
            Self { stale_while_revalidate_seconds: 1.., .. } => {
                Some("--cache-stale-while-revalidate-seconds")
            }
            _ => None,
        }
    }

    /// How long an answer is fresh that must never be older than `limit`.
    pub fn ttl(&self, limit: Duration) -> Duration {
        seconds(self.ttl_seconds).min(limit)
    }

    /// What an answer of this age is good for that must never be older than `limit`.
    pub fn freshness(&self, age: Duration, limit: Duration) -> Freshness {
        let stale = self.within(self.stale_while_revalidate_seconds, limit);
        match age {
            age if age < self.ttl(limit) => Freshness::Fresh,
            age if age < stale => Freshness::Stale,
            _ => Freshness::TooOld,
        }
    }

    /// Whether an answer of this age is better than `trouble`.
    pub fn is_better_than(&self, trouble: Trouble, age: Duration, limit: Duration) -> bool {
        let beyond = match trouble {
            Trouble::Quota => self.stale_if_quota_seconds,
            Trouble::Unreachable => self.stale_if_error_seconds,
        };
        age < self.within(beyond, limit)
    }

    fn within(&self, beyond: u32, limit: Duration) -> Duration {
        (seconds(self.ttl_seconds) + seconds(beyond)).min(limit)
    }
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options {
        ttl_seconds: 10,
        stale_while_revalidate_seconds: 20,
        stale_if_error_seconds: 0,
        stale_if_quota_seconds: 100,
        bytes: 1 << 20,
    };

    #[test]
    fn an_answer_is_fresh_then_stale_then_too_old_and_never_beyond_its_own_limit() {
        let at = |age, limit| OPTIONS.freshness(seconds(age), seconds(limit));
        assert_eq!(
            [at(9, 99), at(10, 99), at(29, 99)],
            [Freshness::Fresh, Freshness::Stale, Freshness::Stale]
        );
        assert_eq!(at(30, 99), Freshness::TooOld);
        assert_eq!([at(4, 5), at(5, 5)], [Freshness::Fresh, Freshness::TooOld]);
    }

    #[test]
    fn without_kept_answers_there_are_no_old_ones() {
        assert_eq!(OPTIONS.idle(), None);
        let none = Options { ttl_seconds: 0, ..OPTIONS };
        assert_eq!(none.idle(), Some("--cache-stale-while-revalidate-seconds"));
        let none = Options { stale_if_error_seconds: 5, ..none };
        assert_eq!(none.idle(), Some("--cache-stale-if-error-seconds"));
        let usual = Options { stale_if_error_seconds: 0, stale_while_revalidate_seconds: 0, ..none };
        assert_eq!(usual.idle(), None);
    }

    #[test]
    fn each_trouble_has_its_own_bound() {
        let better = |trouble, age, limit| OPTIONS.is_better_than(trouble, seconds(age), seconds(limit));
        assert!(better(Trouble::Quota, 109, 999) && !better(Trouble::Quota, 110, 999));
        assert!(!better(Trouble::Quota, 60, 60));
        assert!(!better(Trouble::Unreachable, 10, 999));
    }
}
