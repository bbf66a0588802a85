//! Whatever two processes do with one key, and wherever the ledger is kept: one claim at a time, tombstones for ever, outcomes
//! as they were.

use ledger::{Begin, Claim, Close, Error, LEASE, Ledger, Look};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use valkey::{Valkey, testing::Server};

use crate::setup::now;

/// What the first or the second process does, or the one that holds the claim.
#[derive(Debug, Clone)]
enum Event {
    Begin { second: bool, fingerprint: char },
    Close { second: bool },
    Note,
    Finish { name: bool },
    Forget,
    SettleClosed,
    Drop,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (any::<bool>(), prop_oneof![9 => Just('a'), 1 => Just('b')])
            .prop_map(|(second, fingerprint)| Event::Begin { second, fingerprint }),
        1 => any::<bool>().prop_map(|second| Event::Close { second }),
        1 => Just(Event::Note),
        1 => any::<bool>().prop_map(|name| Event::Finish { name }),
        1 => Just(Event::Forget),
        1 => Just(Event::SettleClosed),
        2 => Just(Event::Drop),
    ]
}

/// What must be the case.
#[derive(Default)]
struct Model {
    held: Option<Claim>,
    closed: bool,
    outcome: Option<Value>,
    note: Option<Value>,
}

impl Model {
    async fn apply(&mut self, number: usize, event: Event, ledgers: &[Ledger; 2], key: &str) {
        let [first, other] = ledgers;
        match event {
            Event::Begin { second, fingerprint } => {
                let ledger = if second { other } else { first };
                let fingerprint = fingerprint.to_string();
                let begun = ledger.begin(key, &fingerprint, json!(number), None, now()).await.unwrap();
                match begun {
                    Begin::Fresh(claim) => {
                        assert!(self.held.is_none() && !self.closed && self.outcome.is_none());
                        assert!(self.note.is_none(), "an intent was lost");
                        (self.held, self.note) = (Some(claim), Some(json!(number)));
                    }
                    Begin::Interrupted(claim, intent) => {
                        assert!(self.held.is_none() && !self.closed && self.outcome.is_none());
                        assert_eq!(Some(intent.note), self.note);
                        self.held = Some(claim);
                    }
                    Begin::Done(answered) => {
                        assert_eq!((Some(answered), self.closed), (self.outcome.clone(), false));
                    }
                    Begin::InFlight => assert!(self.held.is_some()),
                    Begin::Closed(answered) => {
                        assert_eq!((answered, self.closed), (self.outcome.clone(), true));
                    }
                    Begin::Reused => assert!(!self.closed && self.held.is_none()),
                }
            }
            Event::Close { second } => {
                let ledger = if second { other } else { first };
                match ledger.close(key, None, now()).await.unwrap() {
                    Close::Closed(answered) => {
                        assert_eq!((answered, self.held.is_some()), (self.outcome.clone(), false));
                        self.closed = true;
                    }
                    Close::Interrupted(claim, _) => {
                        assert!(self.held.is_none() && !self.closed);
                        self.held = Some(claim);
                    }
                    Close::InFlight => assert!(self.held.is_some()),
                }
            }
            Event::Drop => {
                drop(self.held.take());
                for ledger in ledgers {
                    while ledger.look(key).await.unwrap() == Look::InFlight {}
                }
            }
            settling => self.settle(number, settling, first).await,
        }
    }

    async fn settle(&mut self, number: usize, event: Event, ledger: &Ledger) {
        let Some(claim) = self.held.take() else { return };
        let names = || vec!["a name".to_owned(), format!("{} {number}", claim.key())];
        match event {
            Event::Note => {
                claim.note(json!(number)).await.unwrap();
                (self.held, self.note) = (Some(claim), Some(json!(number)));
            }
            Event::Finish { name } => {
                let own = if name { names() } else { Vec::new() };
                let key = claim.key().to_owned();
                claim.owning(own.clone()).finish(json!(number), now()).await.unwrap();
                self.outcome = Some(json!(number));
                for name in own {
                    assert_eq!(ledger.look(&name).await.unwrap(), Look::Done(json!(key)));
                }
            }
            Event::Forget => {
                claim.forget().await.unwrap();
                self.note = None;
            }
            _ => {
                claim.close(Some(json!(number)), now()).await.unwrap();
                (self.closed, self.outcome) = (true, Some(json!(number)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn the_promises_hold_over_any_history_of_two_processes(
        events in prop::collection::vec(event(), 1..30)
    ) {
        Runtime::new().unwrap().block_on(async {
            let server = Server::start();
            let shared = || Ledger::shared(Valkey::open(server.source()).unwrap(), "appAAAAAAAAAAAAAA", LEASE, now());
            let local = Ledger::open(None, now()).unwrap();
            for ledgers in [[local.clone(), local], [shared(), shared()]] {
                let mut model = Model::default();
                for (number, event) in events.clone().into_iter().enumerate() {
                    model.apply(number, event, &ledgers, "k").await;
                }
                let taken = ledgers[0].begin("other", "x", Value::Null, None, now()).await.unwrap();
                let Begin::Fresh(other) = taken else { panic!("not fresh") };
                let given = ledgers[1].look("a name").await.unwrap() != Look::Unknown;
                let finished = other.owning(vec!["a name".to_owned()]).finish(Value::Null, now()).await;
                assert_eq!(finished == Err(Error::Taken { name: "a name".to_owned() }), given);
            }
        });
    }
}
