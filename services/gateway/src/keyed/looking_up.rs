//! Finds out about creates by their marks: the records that bear them, whenever they were created or changed.

use std::collections::BTreeMap;

use airtable::Record;

use super::{
    find_out::{Case, Finder, Found, wait_until},
    mark::Mark,
    records,
    write::Create,
};

/// What the records that bear a key's marks say.
enum Sight {
    /// All of the create are there, in the order asked for.
    All(Vec<Record>),
    None,
    Unclear(String),
}

impl Finder {
    /// What became of a create: by its marks where it bears them, else by its cells.
    pub(crate) async fn find_create(&self, case: &Case<'_>, create: &Create) -> Result<Found, String> {
        if let Some(mark) = &case.note.mark {
            return self.look_up(case, create, mark).await;
        }
        let mark = match &self.key_field {
            Some(field) => field.mark(&create.table, case.claim.key(), case.caller).await?,
            None => None,
        };
        // It may have been sent without, or the ledger has forgotten how.
        if let Some(mark) = &mark {
            match self.bearers(case, create, mark).await? {
                Sight::All(records) => return self.found(case, create, records).await,
                Sight::Unclear(why) => return Err(why),
                Sight::None => (),
            }
        }
        self.search(case, create, mark.as_ref()).await
    }

    /// Looks until its records are there, or can't come any more: all that was sent bears the mark.
    async fn look_up(&self, case: &Case<'_>, create: &Create, mark: &Mark) -> Result<Found, String> {
        let settled = self.window(case).settled;
        loop {
            let asked = self.ledger.now();
            match self.bearers(case, create, mark).await? {
                Sight::All(records) => return self.found(case, create, records).await,
                Sight::None if asked >= settled => return Ok(Found::Absent),
                Sight::Unclear(why) if asked >= settled => return Err(why),
                Sight::None | Sight::Unclear(_) => {
                    wait_until(settled, self.ledger.now(), case.caller.deadline).await?;
                }
            }
        }
    }

    async fn bearers(&self, case: &Case<'_>, create: &Create, mark: &Mark) -> Result<Sight, String> {
        let asked = create.records.len();
        let cells: Vec<String> = (0..asked).map(|position| mark.cell(position)).collect();
        let mut pages = records::bearing(&create.table, &mark.field, &cells);
        let (mut found, mut bearers) = (BTreeMap::new(), Vec::new());
        while let Some(page) = pages.next(&self.delivery, case.caller).await? {
            for record in page {
                let cell = record.fields.get(&mark.field).and_then(|cell| cell.as_str());
                let position = cells.iter().position(|marked| cell == Some(marked));
                if let Some(position) = position {
                    bearers.push(record.id.clone());
                    found.insert(position, record);
                }
            }
        }
        let (field, table) = (&mark.name, records::table(&create.table));
        Ok(match found.len() {
            0 => Sight::None,
            count if count < bearers.len() => Sight::Unclear(format!(
                "several records in {table:?} have the same mark of this key in {field:?}, of {}: empty it in those \
                 that are copies",
                records::named(&bearers)
            )),
            count if count == asked => Sight::All(found.into_values().collect()),
            count => Sight::Unclear(format!(
                "{count} of {asked} records with the mark of this key are left in {table:?}, in {field:?}: {}",
                records::named(&bearers)
            )),
        })
    }

    async fn found(&self, case: &Case<'_>, create: &Create, records: Vec<Record>) -> Result<Found, String> {
        Ok(Found::Done(self.created(create, records, true, case.caller).await?))
    }
}
