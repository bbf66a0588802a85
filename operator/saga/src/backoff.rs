//! How long to rest between attempts: exponential, capped, spread by a jitter that is the same whoever computes it.

use jiff::SignedDuration;

use crate::plan::Policy;

/// The rest after attempt `attempt` (from 1) of the step with this key.
///
/// The jitter only shortens, so that the cap holds; it is a hash of key and attempt, so that a restart changes nothing.
pub fn delay(policy: &Policy, key: &str, attempt: u32) -> SignedDuration {
    let full = milliseconds(policy, attempt);
    let cut = full / 100 * u64::from(policy.jitter_percent) * (hash(key, attempt) % 1001) / 1000;
    SignedDuration::from_millis(i64::try_from(full.saturating_sub(cut)).unwrap_or(i64::MAX))
}

fn milliseconds(policy: &Policy, attempt: u32) -> u64 {
    let cap = u64::from(policy.max_backoff_seconds) * 1000;
    let mut full = u64::from(policy.initial_backoff_seconds) * 1000;
    for _ in 1..attempt {
        let longer = full.saturating_mul(u64::from(policy.backoff_factor_percent)) / 100;
        if longer <= full || longer >= cap {
            return longer.min(cap);
        }
        full = longer;
    }
    full.min(cap)
}

/// FNV-1a, 64 bit, over the key and the attempt.
fn hash(key: &str, attempt: u32) -> u64 {
    key.bytes()
        .chain(attempt.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLING: Policy = Policy {
        timeout_seconds: 1,
        max_attempts: 0,
        initial_backoff_seconds: 2,
        max_backoff_seconds: 60,
        backoff_factor_percent: 200,
        jitter_percent: 0,
    };

    #[test]
    fn a_rest_doubles_up_to_its_cap() {
        let rests: Vec<i64> = (1..=7).map(|attempt| delay(&DOUBLING, "k", attempt).as_secs()).collect();
        assert_eq!(rests, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delay(&DOUBLING, "k", u32::MAX).as_secs(), 60);
    }

    #[test]
    fn a_factor_of_one_hundred_percent_keeps_the_rest() {
        let constant = Policy { backoff_factor_percent: 100, ..DOUBLING };
        assert_eq!(delay(&constant, "k", u32::MAX).as_secs(), 2);
    }

    #[test]
    fn jitter_spreads_keys_within_its_share_and_never_changes_for_one() {
        let spread = Policy { initial_backoff_seconds: 60, jitter_percent: 50, ..DOUBLING };
        let rests: Vec<i64> = (0..200).map(|key| delay(&spread, &key.to_string(), 1).as_secs()).collect();
        assert!(rests.iter().all(|rest| (30..=60).contains(rest)), "{rests:?}");
        let (least, most) = (rests.iter().min().unwrap(), rests.iter().max().unwrap());
        assert!(*least < 35 && *most > 55, "{least} to {most}");
        assert_eq!(delay(&spread, "k", 3), delay(&spread, "k", 3));
    }
}
