//! What the API server itself counted: every write that it answered, leases left out.

use kube::Client;

use crate::Error;

/// Writes answered so far: creates, updates, patches and deletes of every resource but leases.
pub async fn writes(client: &Client) -> Result<f64, Error> {
    let request = http::Request::get("/metrics").body(Vec::new())?;
    let text = client.request_text(request).await?;
    let is_write = |line: &&str| {
        line.starts_with("apiserver_request_total{")
            && ["POST", "PUT", "PATCH", "APPLY", "DELETE"]
                .iter()
                .any(|verb| line.contains(&format!("verb=\"{verb}\"")))
            && !line.contains("resource=\"leases\"")
            && !line.contains("code=\"4")
    };
    let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
    Ok(text.lines().filter(is_write).filter_map(value).sum())
}
