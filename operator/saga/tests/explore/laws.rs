//! What must hold in every state of the model.

use saga::{Compensation, Event, Phase, State, phase, step};

use crate::{
    scene::Scene,
    world::{World, now},
};

/// The first law that does not hold here.
pub fn broken(scene: &Scene, world: &World) -> Option<String> {
    world.broken.clone().or_else(|| broken_effects(scene, world)).or_else(|| broken_liveness(scene, world))
}

fn broken_effects(scene: &Scene, world: &World) -> Option<String> {
    let phase = phase(&scene.plan, &world.journal);
    for (step, key) in scene.plan.steps.iter().zip(&world.keys) {
        let name = &step.name;
        let stays = step.compensation == Compensation::Nothing;
        let is_left = stays || world.journal.steps[name].state == State::Skipped;
        let law = match phase {
            _ if key.effects > 1 => "once-per-key",
            Phase::Succeeded if key.effects == 0 => "succeeded-has-every-effect",
            Phase::Compensated if key.effects > 0 && !stays => "compensated-leaves-nothing",
            Phase::Failed if key.effects > 0 && !is_left => "failed-leaves-only-what-was-skipped",
            _ => continue,
        };
        return Some(format!("{law}: {} effects of {name} when {phase}", key.effects));
    }
    None
}

/// A run that has not ended waits for a time or for a person, and looking at it once more changes nothing.
fn broken_liveness(scene: &Scene, world: &World) -> Option<String> {
    let again = step(&scene.plan, &world.journal, Event::Tick, now());
    let phase = phase(&scene.plan, &world.journal);
    let waits_for_a_person = matches!(phase, Phase::Stuck | Phase::Suspended);
    if again.progress != *world.journal {
        return Some(format!("tick-twice-is-tick-once: {:?} became {:?}", world.journal, again.progress));
    }
    if phase.is_final() && (again.wake.is_some() || !again.commands.is_empty()) {
        return Some(format!("the-end-is-quiet: {:?} wakes {:?}", again.commands, again.wake));
    }
    if !phase.is_final() && !waits_for_a_person && again.wake.is_none() {
        return Some(format!("no-deadlock: nothing will ever happen to {:?}", world.journal));
    }
    (!again.commands.is_empty() && again.wake.is_none())
        .then(|| format!("calls-have-an-end: {:?} without a time to wake", again.commands))
}
