//! The field of a table for marks of keys, by the schema as it is now.

use super::{mark::Mark, records};
use crate::{queue::caller::Caller, schema::Schema};

/// Where marks go.
pub struct KeyField {
    /// Name or id of the field, in each table that has it.
    pub wanted: String,
    pub base: String,
    pub schema: Schema,
}

impl KeyField {
    /// The mark of `key` in `table`, which is `/v0/{base}/{table}`; none where the table has no field for it. An error
    /// where the schema can't be read.
    pub async fn mark(&self, table: &str, key: &str, caller: &Caller) -> Result<Option<Mark>, String> {
        let tables = self.schema.tables(caller).await.map_err(|error| error.to_string())?;
        Ok(Mark::new(&tables, &self.base, &records::table(table), &self.wanted, key))
    }
}
