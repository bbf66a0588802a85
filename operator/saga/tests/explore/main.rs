//! The core together with a model of everything around it, in all interleavings up to a number of faults.
//!
//! The model: a worker with ledger and tombstones, a network that delays, reorders, doubles and loses, one or two
//! drivers that crash and restart from the journal, and people who cancel, suspend and repair. Each promise that the
//! guarantees rest on is switched off once, to see that the exploration finds what goes wrong without it.

mod laws;
mod scene;
mod search;
mod words;
mod worker;
mod world;

use saga::Plan;
use scene::{Promises, Scene, chain, chain_over_a_read, diamond};
use search::{Found, explore};

/// What an exploration with every promise kept saw, or the shortest way to a broken law.
fn every_law_holds(plan: Plan, drivers: usize, faults: u8) -> Result<Found, String> {
    let found = explore(&Scene { plan, drivers, faults, promises: Promises::ALL });
    match found.broken {
        Some((law, trace)) => Err(format!("{law}\n  {}", trace.join("\n  "))),
        None => Ok(found),
    }
}

#[test]
fn a_chain_of_three_keeps_every_law_in_every_interleaving() {
    let found = every_law_holds(chain(), 1, 4).unwrap();
    println!("chain of 3: {found}");
    assert_eq!(found.phases.len(), 7, "every phase must be reached: {found}");
}

#[test]
fn a_chain_over_a_read_keeps_every_law_in_every_interleaving() {
    println!("chain of 3 over a read: {}", every_law_holds(chain_over_a_read(), 1, 4).unwrap());
}

#[test]
fn a_chain_of_three_keeps_every_law_with_two_drivers() {
    println!("chain of 3, 2 drivers: {}", every_law_holds(chain(), 2, 3).unwrap());
}

#[test]
fn a_diamond_of_four_keeps_every_law_in_every_interleaving() {
    println!("diamond of 4: {}", every_law_holds(diamond(), 1, 4).unwrap());
}

#[test]
fn a_diamond_of_four_keeps_every_law_with_two_drivers() {
    println!("diamond of 4, 2 drivers: {}", every_law_holds(diamond(), 2, 3).unwrap());
}

/// Explores a chain of three without one promise and returns the law that breaks, after printing the shortest way there.
fn breaks(without: &str, promises: Promises, drivers: usize) -> String {
    let found = explore(&Scene { plan: chain(), drivers, faults: 3, promises });
    let (law, trace) = found.broken.expect("without this promise a law must break");
    println!("without {without}, in {} moves: {law}\n  {}", trace.len(), trace.join("\n  "));
    law
}

#[test]
fn without_tombstones_an_effect_survives_its_compensation() {
    let law = breaks("tombstones", Promises { tombstones: false, ..Promises::ALL }, 1);
    assert!(law.starts_with("compensated-leaves-nothing"), "{law}");
}

#[test]
fn without_a_ledger_an_effect_happens_twice() {
    let law = breaks("a ledger", Promises { ledger: false, ..Promises::ALL }, 1);
    assert!(law.starts_with("once-per-key"), "{law}");
}

#[test]
fn without_intent_before_effect_an_effect_is_forgotten() {
    let law = breaks("intent before effect", Promises { intent_first: false, ..Promises::ALL }, 1);
    assert!(law.starts_with("compensated-leaves-nothing"), "{law}");
}

#[test]
fn without_compare_and_swap_a_success_hides_that_it_was_undone() {
    let law = breaks("compare and swap", Promises { compare_and_swap: false, ..Promises::ALL }, 2);
    assert!(law.starts_with("succeeded-has-every-effect"), "{law}");
}

#[test]
fn without_final_refusals_a_copy_of_a_refused_call_leaks() {
    let law = breaks("final refusals", Promises { refusals_are_final: false, ..Promises::ALL }, 1);
    assert!(law.starts_with("compensated-leaves-nothing"), "{law}");
}

#[test]
fn without_a_fence_behind_busy_a_late_copy_of_the_call_leaks() {
    let law = breaks("a fence behind busy", Promises { busy_is_without_effect: false, ..Promises::ALL }, 1);
    assert!(law.starts_with("compensated-leaves-nothing"), "{law}");
}
