//! Structured logs: one JSON object a line on standard error, fit for Loki; text for people at a terminal.

use tracing_subscriber::EnvFilter;

use crate::fields::JsonObject;

/// How a process logs.
#[derive(Debug, Clone)]
pub struct Logs {
    /// A filter in the syntax of `tracing_subscriber::EnvFilter`, for example `info,gateway=debug`.
    pub filter: String,
    /// One JSON object a line when true, else text for people.
    pub json: bool,
}

impl Logs {
    /// Starts logging for the process; a second call has no effect, so that tests may call it freely.
    ///
    /// An unreadable filter falls back to `info` and says so in the first line.
    pub fn start(&self, service: &'static str) {
        let (filter, bad) = match EnvFilter::try_new(&self.filter) {
            Ok(filter) => (filter, None),
            Err(error) => (EnvFilter::new("info"), Some(error.to_string())),
        };
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let _already_started = if self.json {
            let builder = builder.json().flatten_event(true).with_current_span(true).with_span_list(false);
            builder.fmt_fields(JsonObject).try_init()
        } else {
            builder.try_init()
        };
        if let Some(error) = bad {
            tracing::warn!(service, filter = self.filter, error, "log filter is not valid, using info");
        }
    }
}
