//! Sends a claimed write for the first time: a create with marks, where its table has a field for them.

use ledger::Claim;

use super::{
    Idempotency,
    mark::{Mark, Written},
    note::Note,
    write::Write,
};
use crate::{
    answer::Answer,
    crash,
    delivery::{Undelivered, retry::Care, upstream::Request},
    queue::caller::Caller,
};

/// Why nothing was sent.
pub enum Halt {
    Written(Written),
    /// The intent can't be kept.
    Ledger(ledger::Error),
}

impl Idempotency {
    /// Sends `request`, whose intent is durable. Whether it bears marks is in the note before.
    pub(crate) async fn send(
        &self,
        claim: &Claim,
        request: &Request,
        note: &mut Note,
        caller: &Caller,
    ) -> Result<Result<Answer, Undelivered>, Halt> {
        let held = caller.under(claim.hold());
        if let Some((mark, marked)) = self.mark(claim.key(), request, caller).await? {
            keep(claim, note, Some(mark)).await?;
            crash::after_intent();
            // What bears a mark is told from everything, in whatever company it travels.
            let sent = self.finder.delivery.send(&marked, Care::Write, &held).await;
            if !names_no_field(&sent) {
                return Ok(sent);
            }
        }
        keep(claim, note, None).await?;
        crash::after_intent();
        Ok(self.finder.delivery.send(request, Care::Keyed, &held).await)
    }

    /// `request` with its mark, where it is a create and its table has a field for it.
    async fn mark(
        &self,
        key: &str,
        request: &Request,
        caller: &Caller,
    ) -> Result<Option<(Mark, Request)>, Halt> {
        let Write::Create(create) = Write::of(request) else { return Ok(None) };
        let mark = match &self.finder.key_field {
            Some(field) => field.mark(&create.table, key, caller).await,
            None => Ok(None),
        };
        let mark = mark.unwrap_or_else(|error| {
            tracing::warn!(%error, "a create goes without its mark");
            None
        });
        let marked = mark.as_ref().map(|mark| mark.put(request)).transpose().map_err(Halt::Written)?;
        let marked = mark.zip(marked.flatten());
        self.metrics.keyed_create(if marked.is_some() { "keyField" } else { "search" });
        Ok(marked)
    }
}

async fn keep(claim: &Claim, note: &mut Note, mark: Option<Mark>) -> Result<(), Halt> {
    if note.mark != mark {
        note.mark = mark;
        claim.note(note.value()).await.map_err(Halt::Ledger)?;
    }
    Ok(())
}

/// Airtable knows a field of the request by no such name: that for the mark may have been renamed or deleted just now.
fn names_no_field(sent: &Result<Answer, Undelivered>) -> bool {
    sent.as_ref().is_ok_and(|answer| answer.error_type().as_deref() == Some("UNKNOWN_FIELD_NAME"))
}
