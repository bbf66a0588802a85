//! The fields of a span as a JSON object, written in one go: each request begins a span, and few of them log a line.

use std::fmt::{self, Debug};

use tracing::{
    field::{Field, Visit},
    span::Record,
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FormatFields, FormattedFields, format::Writer},
};

/// Writes what [`tracing_subscriber`]'s own format of JSON fields does, without a map and a serializer in between.
pub struct JsonObject;

impl<'writer> FormatFields<'writer> for JsonObject {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut members = Members { writer, before: '{', result: Ok(()) };
        fields.record(&mut members);
        members.end()
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        current.fields.pop();
        let before = if current.fields.len() > 1 { ',' } else { current.fields.pop().unwrap_or('{') };
        let mut members = Members { writer: current.as_writer(), before, result: Ok(()) };
        fields.record(&mut members);
        members.end()
    }
}

struct Members<'writer> {
    writer: Writer<'writer>,
    /// What comes before the next one.
    before: char,
    result: fmt::Result,
}

impl Members<'_> {
    fn member(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = self.named(field.name(), write);
        }
    }

    fn named(&mut self, name: &str, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) -> fmt::Result {
        self.writer.write_char(self.before)?;
        self.before = ',';
        text(&mut self.writer, name.strip_prefix("r#").unwrap_or(name))?;
        self.writer.write_char(':')?;
        write(&mut self.writer)
    }

    fn end(mut self) -> fmt::Result {
        self.result?;
        if self.before == '{' {
            self.writer.write_char('{')?;
        }
        self.writer.write_char('}')
    }
}

impl Visit for Members<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |writer| text(writer, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, |writer| write!(writer, "{}", serde_json::Value::from(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, |writer| text(writer, &format!("{value:?}")));
    }
}

/// As a JSON string.
fn text(writer: &mut Writer<'_>, value: &str) -> fmt::Result {
    if value.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        return write!(writer, "{}", serde_json::Value::from(value));
    }
    writer.write_char('"')?;
    writer.write_str(value)?;
    writer.write_char('"')
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::{Value, json};
    use tracing_subscriber::{Layer as _, fmt::layer, layer::SubscriberExt as _};

    use super::JsonObject;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn span(&self) -> Value {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            serde_json::from_str::<Value>(text.lines().next().unwrap()).unwrap()["span"].clone()
        }
    }

    /// Whatever is in a span and is recorded later reads as with the format of the library.
    #[test]
    fn a_span_reads_as_with_the_librarys_own_format() {
        let (ours, theirs) = (Lines::default(), Lines::default());
        let writers = (ours.clone(), theirs.clone());
        let own = layer().json().with_writer(move || writers.0.clone()).fmt_fields(JsonObject);
        let librarys = layer().json().with_writer(move || writers.1.clone());
        let subscriber = tracing_subscriber::registry().with(own.boxed()).with(librarys.boxed());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::error_span!(
                "work",
                text = "a \"quoted\" \\ line\nand \u{1} é",
                count = 3_u64,
                less = -3_i64,
                part = 0.5,
                no_number = f64::NAN,
                good = true,
                shown = %"shown",
                debugged = ?Some("x"),
                late = tracing::field::Empty
            );
            span.record("late", "come");
            span.in_scope(|| tracing::error!("a line"));
        });
        assert_eq!(ours.span(), theirs.span());
        assert_eq!((&ours.span()["late"], &ours.span()["less"]), (&json!("come"), &json!(-3)));
    }

    #[test]
    fn a_span_without_fields_may_get_some_later() {
        let lines = Lines::default();
        let writer = lines.clone();
        let own = layer().json().with_writer(move || writer.clone()).fmt_fields(JsonObject);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(own), || {
            let span = tracing::error_span!("work", late = tracing::field::Empty);
            span.record("late", 1_u64);
            span.in_scope(|| tracing::error!("a line"));
        });
        assert_eq!(lines.span(), json!({"name": "work", "late": 1}));
    }
}
