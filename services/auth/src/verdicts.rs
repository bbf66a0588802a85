//! Verdicts on tokens, remembered for a short while; bounded, so that a flood of tokens does not fill the memory.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::Identity;

/// How long a token that was accepted is not reviewed again.
pub const ACCEPTED: Duration = Duration::from_mins(1);
/// How long a token that was refused is not reviewed again.
pub const REFUSED: Duration = Duration::from_secs(5);
/// How many verdicts of each sort are kept.
const CAPACITY: usize = 1024;

/// The SHA-256 of a token: the cache holds no token.
type Hash = [u8; 32];

/// What the API server said of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It belongs to somebody.
    Accepted(Identity),
    /// It is no token, or not for this audience.
    Refused,
}

/// Accepted and refused tokens, apart, so that refused ones never push out accepted ones.
#[derive(Debug, Default)]
pub struct Verdicts {
    accepted: Mutex<HashMap<Hash, (Instant, Identity)>>,
    refused: Mutex<HashMap<Hash, (Instant, ())>>,
}

impl Verdicts {
    /// The verdict on a token, where it is known.
    pub fn get(&self, token: &Hash) -> Option<Verdict> {
        let accepted = get(&self.accepted, token).map(Verdict::Accepted);
        accepted.or_else(|| get(&self.refused, token).map(|()| Verdict::Refused))
    }

    /// Remembers a verdict.
    pub fn put(&self, token: Hash, verdict: Verdict) {
        match verdict {
            Verdict::Accepted(identity) => put(&self.accepted, token, identity, ACCEPTED),
            Verdict::Refused => put(&self.refused, token, (), REFUSED),
        }
    }
}

fn get<T: Clone>(map: &Mutex<HashMap<Hash, (Instant, T)>>, token: &Hash) -> Option<T> {
    let map = map.lock().unwrap_or_else(PoisonError::into_inner);
    map.get(token).filter(|(until, _)| Instant::now() < *until).map(|(_, value)| value.clone())
}

fn put<T>(map: &Mutex<HashMap<Hash, (Instant, T)>>, token: Hash, value: T, lifetime: Duration) {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    if map.len() >= CAPACITY {
        map.retain(|_, (until, _)| now < *until);
    }
    if map.len() >= CAPACITY
        && let Some(oldest) = map.iter().min_by_key(|(_, (until, _))| *until).map(|(hash, _)| *hash)
    {
        map.remove(&oldest);
    }
    map.insert(token, (now + lifetime, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: usize) -> Hash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_le_bytes());
        hash
    }

    #[tokio::test(start_paused = true)]
    async fn an_accepted_token_is_known_for_a_minute_a_refused_one_for_five_seconds() {
        let verdicts = Verdicts::default();
        let accepted =
            Verdict::Accepted(Identity { username: "system:serviceaccount:sales:worker".to_owned() });
        verdicts.put(hash(1), accepted.clone());
        verdicts.put(hash(2), Verdict::Refused);
        assert_eq!(verdicts.get(&hash(1)), Some(accepted.clone()));
        assert_eq!(verdicts.get(&hash(2)), Some(Verdict::Refused));
        tokio::time::advance(REFUSED).await;
        assert_eq!(verdicts.get(&hash(2)), None);
        assert_eq!(verdicts.get(&hash(1)), Some(accepted));
        tokio::time::advance(ACCEPTED).await;
        assert_eq!(verdicts.get(&hash(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_refused_tokens_pushes_out_only_refused_ones() {
        let verdicts = Verdicts::default();
        let accepted = Verdict::Accepted(Identity { username: "somebody".to_owned() });
        verdicts.put(hash(0), accepted.clone());
        for number in 1..=2 * CAPACITY {
            verdicts.put(hash(number), Verdict::Refused);
            tokio::time::advance(Duration::from_micros(1)).await;
        }
        assert_eq!(verdicts.refused.lock().unwrap().len(), CAPACITY);
        assert_eq!(verdicts.get(&hash(1)), None);
        assert_eq!(verdicts.get(&hash(2 * CAPACITY)), Some(Verdict::Refused));
        assert_eq!(verdicts.get(&hash(0)), Some(accepted));
    }
}
