//! Finds out about creates: searches for their records until they are found, or can't come any more.

use airtable::Record;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use crate::{
    answer::Answer,
    cells::{self, Likeness, Verdict},
    claims::{self, Owner},
    find_out::{Case, Finder, Found, wait_until},
    note::Birth,
    records,
    write::Create,
};

/// What one look at the table says.
enum Sight {
    Created(Vec<Record>),
    NotCreated,
    Unclear,
    /// A record may be of another key's create that is on its way.
    Contested,
}

impl Finder {
    /// Searches until the records are there, or can't come any more.
    pub(crate) async fn search(&self, case: &Case<'_>, create: &Create) -> Result<Found, String> {
        let by_id = match records::keyed_by_id(create) {
            Ok(by_id) => by_id,
            Err(why) => return Ok(Found::Unknowable(why)),
        };
        let settled = self.settled(case);
        loop {
            let asked = Timestamp::now();
            match self.look(case, create, by_id).await? {
                Sight::Created(found) => {
                    return self.created(case, create, by_id, found).await.map(Found::Done);
                }
                Sight::Unclear => {
                    let why = "records like those asked for were created, but not provably by this request";
                    return Err(why.to_owned());
                }
                Sight::NotCreated if asked >= settled => return Ok(Found::Absent),
                Sight::NotCreated => wait_until(settled, case.deadline).await?,
                Sight::Contested => {
                    if !self.flights.wait(case.deadline).await {
                        return Err("a create like this one is under way with another key".to_owned());
                    }
                }
            }
        }
    }

    async fn look(&self, case: &Case<'_>, create: &Create, by_id: bool) -> Result<Sight, String> {
        let window = self.window(case);
        let (from, to) = window.with_skew();
        let (delivery, table, deadline) = (&self.delivery, &create.table, case.deadline);
        let listed = records::created_between(delivery, table, from, to, by_id, deadline).await?;
        // Before the ledger is asked whose they are: a create that lands in between is known there.
        let contested: Vec<bool> =
            listed.iter().map(|record| self.flights.may_bring(case.claim.key(), &record.fields)).collect();
        let (mut own, mut unclaimed, mut doubtful) = (Vec::new(), Vec::new(), false);
        for (record, contested) in listed.into_iter().zip(contested) {
            let birth = records::created(&record).map_or(Birth::Doubtful, |created| window.birth(created));
            match claims::owner(&self.ledger, case.claim.key(), &record.id)
                .await
                .map_err(|error| error.to_string())?
            {
                Owner::Asker => own.push(record),
                Owner::Nobody if birth == Birth::Since => unclaimed.push((record, contested)),
                Owner::Nobody => doubtful |= cells::closest(create, &record.fields) <= Likeness::Unclear,
                Owner::Other => (),
            }
        }
        let all_own = own.len() >= create.records.len();
        let is_contested =
            !all_own && unclaimed.iter().any(|(record, contested)| *contested && resembles(create, record));
        if is_contested {
            return Ok(Sight::Contested);
        }
        if !all_own {
            own.extend(unclaimed.into_iter().map(|(record, _)| record));
        }
        let cells: Vec<_> = own.iter().map(|record| record.fields.clone()).collect();
        match cells::judge(create, &cells) {
            Verdict::Created(_) | Verdict::NotCreated if doubtful && !all_own => Ok(Sight::Unclear),
            Verdict::Created(positions) => {
                Ok(Sight::Created(positions.into_iter().filter_map(|it| own.get(it).cloned()).collect()))
            }
            Verdict::NotCreated if own.is_empty() => Ok(Sight::NotCreated),
            // Different from what was written, but one may have been that before somebody changed it.
            Verdict::NotCreated => {
                let modified = records::modified_between(delivery, table, from, to, deadline).await?;
                let is_modified = own.iter().any(|record| modified.contains(&record.id));
                Ok(if is_modified { Sight::Unclear } else { Sight::NotCreated })
            }
            Verdict::Unclear => Ok(Sight::Unclear),
        }
    }

    /// The answer that was lost, made from the records that were found. From then on they are this key's.
    async fn created(
        &self,
        case: &Case<'_>,
        create: &Create,
        by_id: bool,
        found: Vec<Record>,
    ) -> Result<Answer, String> {
        let found = if by_id == create.by_field_id {
            found
        } else {
            let ids: Vec<String> = found.into_iter().map(|record| record.id).collect();
            let read =
                records::with_ids(&self.delivery, &create.table, &ids, create.by_field_id, case.deadline)
                    .await?;
            ids.iter().filter_map(|id| read.iter().find(|record| record.id == *id).cloned()).collect()
        };
        let body = match found.as_slice() {
            [record] if create.single => json!(record),
            records => json!({"records": records}),
        };
        let answer = Answer::json(StatusCode::OK, &body);
        let remembered = claims::remember(&self.ledger, case.claim.key(), &answer, true).await;
        remembered.map_err(|error| error.to_string())?;
        Ok(answer)
    }
}

fn resembles(create: &Create, record: &Record) -> bool {
    cells::closest(create, &record.fields) <= Likeness::Unclear
}
