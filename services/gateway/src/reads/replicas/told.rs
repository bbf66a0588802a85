//! What the store of all replicas said of the marks that a read depends on. Pure.

use std::sync::Arc;

/// What is known of writes by other replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// There are no others, or nothing that they write matters.
    Alone,
    /// The store did not answer: nobody knows.
    Silence,
    /// So it stood.
    Standing(Arc<Standing>),
}

/// The marks as they stood at a tick.
#[derive(Debug, PartialEq, Eq)]
pub struct Standing {
    /// Of the server; ticks of another run are other ones.
    pub run: Arc<str>,
    pub tick: u64,
    pub marks: Vec<Mark>,
}

/// One mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Tick of the last end of a write that may have had an effect.
    pub changed: u64,
    /// Tick of the last beginning of a write.
    pub started: u64,
    pub under_way: u64,
}

impl Told {
    /// A tick, and three numbers for each mark.
    pub fn of(run: &str, answer: &[u64]) -> Self {
        let Some((tick, marks)) = answer.split_first() else { return Self::Silence };
        let mark = |numbers: &[u64; 3]| {
            let [changed, started, under_way] = *numbers;
            Mark { changed, started, under_way }
        };
        let (marks, _) = marks.as_chunks();
        Self::Standing(Arc::new(Standing {
            run: run.into(),
            tick: *tick,
            marks: marks.iter().map(mark).collect(),
        }))
    }

    /// Whether nothing was written between `then`, when a read was about to be sent, and now.
    pub fn holds(&self, then: &Self) -> bool {
        self.all(then, |tick, mark| mark.changed <= tick)
    }

    /// The same, and no write is under way that began after the read.
    pub fn may_be_joined(&self, then: &Self) -> bool {
        self.all(then, |tick, mark| mark.changed <= tick && (mark.under_way == 0 || mark.started <= tick))
    }

    /// Whether a write is under way, so that some may know a newer answer already.
    pub fn is_unsettled(&self) -> bool {
        match self {
            Self::Alone => false,
            Self::Silence => true,
            Self::Standing(now) => now.marks.iter().any(|mark| mark.under_way > 0),
        }
    }

    fn all(&self, then: &Self, allows: impl Fn(u64, &Mark) -> bool) -> bool {
        match (then, self) {
            (Self::Alone, Self::Alone) => true,
            (Self::Standing(then), Self::Standing(now)) => {
                then.run == now.run && now.marks.iter().all(|mark| allows(then.tick, mark))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(run: &str, tick: u64, mark: [u64; 3]) -> Told {
        Told::of(run, &[&[tick, 0, 0, 0][..], &mark].concat())
    }

    #[test]
    fn an_answer_holds_until_a_write_ended_after_it_was_asked_for() {
        let then = told("run", 5, [9, 9, 9]);
        assert!(told("run", 9, [5, 9, 1]).holds(&then));
        assert!(!told("run", 9, [6, 6, 0]).holds(&then));
        assert!(!told("another run", 9, [1, 1, 0]).holds(&then));
    }

    #[test]
    fn a_read_is_joined_unless_a_write_under_way_began_after_it() {
        let then = told("run", 5, [0, 0, 0]);
        assert!(told("run", 9, [5, 5, 1]).may_be_joined(&then));
        assert!(told("run", 9, [5, 6, 0]).may_be_joined(&then), "it was refused");
        assert!(!told("run", 9, [5, 6, 1]).may_be_joined(&then));
        assert!(told("run", 9, [5, 6, 1]).is_unsettled());
    }

    #[test]
    fn where_the_store_is_silent_nothing_holds() {
        let then = told("run", 5, [0, 0, 0]);
        for (now, then) in
            [(&Told::Silence, &then), (&then, &Told::Silence), (&Told::Silence, &Told::Silence)]
        {
            assert!(!now.holds(then) && !now.may_be_joined(then));
        }
        assert!(Told::Silence.is_unsettled());
        assert!(Told::Alone.holds(&Told::Alone) && !Told::Alone.is_unsettled());
        assert_eq!(Told::of("run", &[]), Told::Silence);
    }
}
