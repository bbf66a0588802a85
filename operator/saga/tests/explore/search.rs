//! All states, those with the fewest faults first, then those with the fewest moves: the way to a broken law is a
//! simplest one. A state that was reached with fewer faults stands for itself with more: it has all their futures.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use saga::{Phase, phase};

use crate::{laws, scene::Scene, words::Move, world::World};

/// What an exploration saw.
#[derive(Default)]
pub struct Found {
    pub states: usize,
    pub moves: usize,
    /// States by the phase of their run.
    pub phases: BTreeMap<Phase, usize>,
    /// The first law that broke, with the moves that led there.
    pub broken: Option<(String, Vec<String>)>,
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} states, {} moves, {:?}", self.states, self.moves, self.phases)
    }
}

/// Visits every state that the scene allows, until a law breaks.
pub fn explore(scene: &Scene) -> Found {
    let mut search = Search::default();
    let mut found = Found::default();
    search.queues.resize_with(usize::from(scene.faults) + 1, VecDeque::new);
    search.reach(World::first(scene), 0, 0, None);
    while let Some((place, faults, world)) = search.next() {
        if let Some(law) = laws::broken(scene, &world) {
            found.broken = Some((law, search.trace(place)));
            break;
        }
        let phase = phase(&scene.plan, &world.journal);
        *found.phases.entry(phase).or_default() += 1;
        if phase.is_final() {
            search.ends.push(place);
        }
        for (by, cost) in world.moves(scene) {
            if faults + cost <= scene.faults {
                found.moves += 1;
                let next = search.reach(world.after(scene, by), faults + cost, place, Some(by));
                if cost == 0 {
                    search.quiet.push((next, place));
                }
            }
        }
    }
    found.states = search.seen.len();
    if found.broken.is_none()
        && let Some(place) = search.without_end()
    {
        let law = "no-livelock: the end is out of reach without another fault";
        found.broken = Some((law.to_owned(), search.trace(place)));
    }
    found
}

#[derive(Default)]
struct Search {
    /// States to visit, by the faults they cost.
    queues: Vec<VecDeque<(usize, World)>>,
    seen: Vec<Seen>,
    places: BTreeMap<u64, usize>,
    /// Moves that are no faults, turned around: to, from.
    quiet: Vec<(usize, usize)>,
    ends: Vec<usize>,
}

/// How a state is reached with the fewest faults.
struct Seen {
    faults: u8,
    from: usize,
    by: Option<Move>,
    visited: bool,
}

impl Search {
    fn reach(&mut self, world: World, faults: u8, from: usize, by: Option<Move>) -> usize {
        let place = *self.places.entry(fingerprint(&world)).or_insert(self.seen.len());
        let seen = Seen { faults, from, by, visited: false };
        match self.seen.get_mut(place) {
            None => self.seen.push(seen),
            Some(known) if known.faults > faults => *known = seen,
            Some(_) => return place,
        }
        self.queues[usize::from(faults)].push_back((place, world));
        place
    }

    fn next(&mut self) -> Option<(usize, u8, World)> {
        loop {
            let (place, world) = self.queues.iter_mut().find_map(VecDeque::pop_front)?;
            let seen = &mut self.seen[place];
            if !std::mem::replace(&mut seen.visited, true) {
                return Some((place, seen.faults, world));
            }
        }
    }

    /// A state from which no end can be reached without another fault.
    fn without_end(&mut self) -> Option<usize> {
        self.quiet.sort_unstable();
        let mut reached = vec![false; self.seen.len()];
        while let Some(place) = self.ends.pop() {
            if !std::mem::replace(&mut reached[place], true) {
                let first = self.quiet.partition_point(|(to, _)| *to < place);
                let before = self.quiet[first..].iter().take_while(|(to, _)| *to == place);
                self.ends.extend(before.map(|(_, from)| *from));
            }
        }
        reached.iter().position(|reached| !reached)
    }

    fn trace(&self, mut place: usize) -> Vec<String> {
        let mut moves = Vec::new();
        while let Seen { from, by: Some(by), .. } = &self.seen[place] {
            moves.push(by.to_string());
            place = *from;
        }
        moves.reverse();
        moves
    }
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}
