//! Finds out about creates: searches for their records until they are found, or can't come any more.

use std::collections::{HashMap, HashSet};

use airtable::Record;
use http::StatusCode;
use jiff::Timestamp;

use super::{
    abroad::Abroad,
    cells::{self, Likeness, PlainText, Verdict},
    claims::{self, Owner},
    find_out::{Case, Finder, Found, wait_until},
    mark::Mark,
    note::{Birth, Window},
    records,
    write::Create,
};
use crate::{answer::Answer, queue::caller::Caller, schema};

/// What one look at the table says.
enum Sight {
    Created(Vec<Record>),
    NotCreated,
    /// Because of these records.
    Unclear(Vec<String>),
    /// A record may be of another key's write that is on its way.
    Contested,
}

/// What is kept of the records that one look saw: of those that are nothing like the create, only which they are.
#[derive(Default)]
struct Seen {
    /// Claimed by the key that asks.
    own: Vec<Record>,
    /// Claimed by nobody, and more or less like the create.
    unclaimed: Vec<Record>,
    /// Claimed by nobody, and different: one may have been like the create before somebody changed it.
    different: HashSet<String>,
    /// Claimed by nobody, like the create, and perhaps older than it.
    doubtful: Vec<String>,
    /// One of nobody's may be of another key's write under way.
    contested: bool,
    /// Whether there was any record that is not claimed by another key.
    any: bool,
}

/// One create that is searched for.
struct Search<'a> {
    case: &'a Case<'a>,
    create: &'a Create,
    by_id: bool,
    /// By it records are known to be of a key, whatever the ledger has forgotten.
    mark: Option<&'a Mark>,
    window: Window,
    /// None where that was not needed so far.
    plain: Option<PlainText>,
    /// When records that are like the create were seen first. They are of no write that departed later.
    sighted: HashMap<String, Sighted>,
    /// A look saw all that the create can have brought: what is like it and appears later is not of it.
    is_complete: bool,
}

impl Search<'_> {
    /// Whose a record is by its mark; none where it bears none.
    fn bearer(&self, record: &Record) -> Option<Owner> {
        let mark = self.mark?;
        let cell = record.fields.get(if self.by_id { &mark.field } else { &mark.name })?;
        mark.owns(cell.as_str()?).map(|own| if own { Owner::Asker } else { Owner::Other })
    }

    fn likeness(&self, record: &Record) -> Likeness {
        match &self.plain {
            Some(plain) => cells::closest(self.create, &record.fields, plain),
            None => cells::closest(self.create, &record.fields, &PlainText::default()),
        }
    }
}

/// How far the writes under way had come when something was seen.
#[derive(Debug, Clone, Copy)]
struct Sighted {
    /// How many of this process had departed.
    departed: u64,
    /// By the clock of the ledger.
    at: Timestamp,
}

/// More records like the create than that, claimed by nobody, are not told apart.
const MOST_ALIKE: usize = 1000;

impl Finder {
    /// Searches until the records are there, or can't come any more.
    pub(crate) async fn search(
        &self,
        case: &Case<'_>,
        create: &Create,
        mark: Option<&Mark>,
    ) -> Result<Found, String> {
        let by_id = match records::keyed_by_id(create) {
            Ok(by_id) => by_id,
            Err(why) => return Ok(Found::Unknowable(why)),
        };
        let window = self.window(case);
        let (plain, sighted, is_complete) = (None, HashMap::new(), false);
        let mut search = Search { case, create, by_id, mark, window, plain, sighted, is_complete };
        loop {
            let asked = self.ledger.now();
            match self.look(&mut search).await? {
                Sight::Created(found) => {
                    return self.created(create, found, by_id, case.caller).await.map(Found::Done);
                }
                Sight::Unclear(records) => {
                    let is_asked = search.plain.is_some();
                    let plain = search.plain.insert(self.plain_text(create, case.caller).await);
                    // What looks alike but for its punctuation may be told apart then.
                    if is_asked || !plain.is_in(create) {
                        return Err(in_doubt(&create.table, &records));
                    }
                }
                Sight::NotCreated if asked >= window.settled => return Ok(Found::Absent),
                Sight::NotCreated => {
                    wait_until(window.settled, self.ledger.now(), case.caller.deadline).await?;
                }
                Sight::Contested => {
                    search.is_complete |= asked >= window.settled;
                    if !self.flights.wait(case.caller.deadline).await {
                        return Err("a create like this one is under way with another key".to_owned());
                    }
                }
            }
        }
    }

    async fn look(&self, search: &mut Search<'_>) -> Result<Sight, String> {
        // Before any permit to send: who waits here keeps nobody from sending.
        let turn = tokio::time::timeout_at(search.case.caller.deadline, self.looks.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err("too many writes of unknown outcome are searched for".to_owned());
        };
        let seen = self.read(search).await?;
        self.judge(search, seen).await
    }

    /// Reads what was created in the time in question.
    async fn read(&self, search: &mut Search<'_>) -> Result<Seen, String> {
        let (from, to) = search.window.with_skew();
        let mut seen = Seen::default();
        let mut pages = records::created_between(&search.create.table, from, to, search.by_id);
        while let Some(page) = pages.next(&self.delivery, search.case.caller).await? {
            let sighted = Sighted { departed: self.flights.departed(), at: self.ledger.now() };
            let abroad = Abroad::of(&self.ledger, &search.create.table).await;
            let abroad = abroad.map_err(|error| error.to_string())?;
            for record in page {
                self.see(search, record, (sighted, &abroad), &mut seen).await?;
            }
        }
        seen.own.sort_by_key(records::created);
        seen.unclaimed.sort_by_key(records::created);
        Ok(seen)
    }

    async fn see(
        &self,
        search: &mut Search<'_>,
        record: Record,
        (sighted, abroad): (Sighted, &Abroad),
        seen: &mut Seen,
    ) -> Result<(), String> {
        let ((from, to), created) = (search.window.with_skew(), records::created(&record));
        if created.is_some_and(|created| created < from || created > to) {
            return Ok(());
        }
        let (key, likeness) = (search.case.claim.key(), search.likeness(&record));
        let is_like = likeness <= Likeness::Unclear;
        if search.is_complete && is_like && !search.sighted.contains_key(&record.id) {
            return Ok(());
        }
        // Before the ledger is asked whose it is: a write that lands in between is known there.
        let contested = is_like && {
            let first = *search.sighted.entry(record.id.clone()).or_insert(sighted);
            self.flights.may_bring(key, &search.create.table, &record.fields, first.departed)
                || abroad.may_bring(&record.fields, first.at)
        };
        let owner = match search.bearer(&record) {
            Some(owner) => owner,
            None => claims::owner(&self.ledger, key, &record.id).await.map_err(|error| error.to_string())?,
        };
        seen.any |= owner != Owner::Other;
        let birth = created.map_or(Birth::Doubtful, |created| search.window.birth(created));
        match owner {
            Owner::Asker => seen.own.push(record),
            Owner::Other => (),
            Owner::Nobody if birth != Birth::Since => seen.doubtful.extend(is_like.then_some(record.id)),
            Owner::Nobody if likeness == Likeness::Different => {
                seen.different.insert(record.id);
            }
            Owner::Nobody if seen.unclaimed.len() >= MOST_ALIKE => {
                return Err(format!("more than {MOST_ALIKE} records like those asked for are nobody's"));
            }
            Owner::Nobody => {
                seen.contested |= contested;
                seen.unclaimed.push(record);
            }
        }
        Ok(())
    }

    async fn judge(&self, search: &Search<'_>, seen: Seen) -> Result<Sight, String> {
        let Seen { own, unclaimed, different, doubtful, contested, any } = seen;
        let all_own = own.len() >= search.create.records.len();
        if contested && !all_own {
            return Ok(Sight::Contested);
        }
        let mut all = own;
        if !all_own {
            all.extend(unclaimed);
        }
        let cells: Vec<_> = all.iter().map(|record| record.fields.clone()).collect();
        let akin = || all.iter().filter(|record| search.likeness(record) <= Likeness::Akin);
        let unclear = || {
            let akin = akin().map(|record| record.id.clone());
            Sight::Unclear(akin.chain(doubtful.iter().cloned()).collect())
        };
        match cells::judge(search.create, &cells, search.plain.as_ref().unwrap_or(&PlainText::default())) {
            Verdict::Created(_) | Verdict::NotCreated if !doubtful.is_empty() && !all_own => Ok(unclear()),
            Verdict::Created(_) if !all_own && !self.knows_all_claims(search).await? => Ok(unclear()),
            Verdict::Created(positions) => {
                Ok(Sight::Created(positions.into_iter().filter_map(|it| all.get(it).cloned()).collect()))
            }
            Verdict::NotCreated if !any => Ok(Sight::NotCreated),
            // Different from what was written, but one may have been that before somebody changed it.
            Verdict::NotCreated => {
                let in_question = |id: &String| different.contains(id) || all.iter().any(|it| it.id == *id);
                let modified = self.modified(search, in_question).await?;
                Ok(if modified.is_empty() { Sight::NotCreated } else { Sight::Unclear(modified) })
            }
            Verdict::Unclear => Ok(unclear()),
        }
    }

    /// Whether each record that was created under a key in the time in question is known as that key's: a claim made
    /// before the ledger's birth, or swept, is not, so that a record that nobody claims may be anybody's. To be asked
    /// after the claims, since a sweep may come in between.
    async fn knows_all_claims(&self, search: &Search<'_>) -> Result<bool, String> {
        let horizon = self.ledger.horizon().await.map_err(|error| error.to_string())?;
        Ok(search.window.from >= horizon)
    }

    async fn modified(
        &self,
        search: &Search<'_>,
        in_question: impl Fn(&String) -> bool,
    ) -> Result<Vec<String>, String> {
        let (from, to) = search.window.with_skew();
        let (mut pages, mut modified) = (records::modified_between(search.create, from, to), Vec::new());
        while let Some(page) = pages.next(&self.delivery, search.case.caller).await? {
            modified.extend(page.into_iter().map(|record| record.id).filter(&in_question));
        }
        Ok(modified)
    }

    /// Where punctuation counts in the table of `create`; nowhere where its schema can't be read.
    async fn plain_text(&self, create: &Create, caller: &Caller) -> PlainText {
        let Ok(tables) = self.schema.tables(caller).await else { return PlainText::default() };
        let table = schema::table(&tables, &records::table(&create.table));
        table.map(PlainText::of).unwrap_or_default()
    }

    /// The answer that was lost, made from the records that were found, with their cells by id or by name.
    pub(crate) async fn created(
        &self,
        create: &Create,
        found: Vec<Record>,
        by_id: bool,
        caller: &Caller,
    ) -> Result<Answer, String> {
        let found = if by_id == create.by_field_id {
            found
        } else {
            let ids: Vec<String> = found.into_iter().map(|record| record.id).collect();
            let (delivery, by_id) = (&self.delivery, create.by_field_id);
            let read = records::with_ids(delivery, &create.table, &ids, by_id, caller).await?;
            let again = |id: &String| read.iter().find(|record| record.id == *id).cloned();
            let found: Option<Vec<Record>> = ids.iter().map(again).collect();
            found.ok_or("a record that was found is gone")?
        };
        Ok(Answer::json(StatusCode::OK, &records::one_or_all(&found, create.single)))
    }
}

/// Why a create stays unknown, for the person who decides.
fn in_doubt(table: &str, records: &[String]) -> String {
    let table = records::table(table);
    format!(
        "records like those asked for were created in {table:?}, but not provably by this request: {}. Look whose \
         they are, and say so by PUT /api/airtable/ledger/{{key}}",
        records::named(records)
    )
}
