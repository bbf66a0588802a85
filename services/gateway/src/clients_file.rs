//! The clients of a base, from a JSON file that is read again when it changed.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use auth::{Key, Keys, Secret, SecretFile};
use serde::Deserialize;

use crate::client::Rights;

/// The file: `{"serviceAccounts": [{"namespace", "name", "readOnly"}], "keys": [{"name", "file", "readOnly"}]}`.
///
/// A misspelt field is an error: `readonly` must not give full rights.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    service_accounts: Vec<WireServiceAccount>,
    #[serde(default)]
    keys: Vec<WireKey>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireServiceAccount {
    namespace: String,
    name: String,
    #[serde(default)]
    read_only: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireKey {
    name: String,
    /// Relative to the folder of the clients file.
    file: PathBuf,
    #[serde(default)]
    read_only: bool,
}

/// Who may use the gateway.
#[derive(Debug, Default)]
pub struct Clients {
    pub keys: Keys,
    key_rights: HashMap<String, Rights>,
    service_accounts: HashMap<(String, String), Rights>,
}

impl Clients {
    /// One client with full rights, whose key is in `file`.
    pub fn single(file: PathBuf) -> Self {
        let name = "client";
        Self {
            keys: Keys::from_iter([Key::new(name, file)]),
            key_rights: HashMap::from([(name.to_owned(), Rights::Full)]),
            service_accounts: HashMap::new(),
        }
    }

    /// The clients in `text`; key files are relative to `folder`.
    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let wire: Wire = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut key_rights = HashMap::new();
        for key in &wire.keys {
            if key_rights.insert(key.name.clone(), Rights::of(key.read_only)).is_some() {
                return Err(format!("keys: the name {:?} is there twice", key.name));
            }
        }
        let accounts = wire.service_accounts.into_iter();
        Ok(Self {
            keys: wire.keys.into_iter().map(|key| Key::new(key.name, folder.join(key.file))).collect(),
            key_rights,
            service_accounts: accounts
                .map(|account| ((account.namespace, account.name), Rights::of(account.read_only)))
                .collect(),
        })
    }

    /// The rights of a key.
    pub fn key_rights(&self, name: &str) -> Option<Rights> {
        self.key_rights.get(name).copied()
    }

    /// The rights of a `ServiceAccount`.
    pub fn service_account_rights(&self, namespace: &str, name: &str) -> Option<Rights> {
        self.service_accounts.get(&(namespace.to_owned(), name.to_owned())).copied()
    }

    /// Whether tokens have to be reviewed at all.
    pub fn has_service_accounts(&self) -> bool {
        !self.service_accounts.is_empty()
    }
}

/// A clients file. Where a changed one is not valid, the clients stay as they were.
#[derive(Debug)]
pub struct ClientsFile {
    file: SecretFile,
    current: Mutex<(Secret, Arc<Clients>)>,
}

impl ClientsFile {
    /// The clients in `file`, which must be valid now.
    pub fn open(file: PathBuf) -> Result<Self, String> {
        let file = SecretFile::new(file);
        let text = file.read().map_err(|error| error.to_string())?;
        let clients = parse(&file, &text)?;
        Ok(Self { file, current: Mutex::new((text, Arc::new(clients))) })
    }

    /// The clients as the file has them now.
    pub fn clients(&self) -> Arc<Clients> {
        let read = self.file.read();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(text) if text != current.0 => {
                match parse(&self.file, &text) {
                    Ok(clients) => current.1 = Arc::new(clients),
                    Err(error) => tracing::error!(error, "the clients stay as they were"),
                }
                current.0 = text;
            }
            Ok(_) => (),
            Err(error) => tracing::error!(%error, "the clients stay as they were"),
        }
        current.1.clone()
    }
}

fn parse(file: &SecretFile, text: &Secret) -> Result<Clients, String> {
    let folder = file.path().parent().unwrap_or(Path::new("."));
    Clients::parse(text.expose(), folder).map_err(|error| format!("{}: {error}", file.path().display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_by_name_and_full_unless_said_otherwise() {
        let text = r#"{"serviceAccounts": [{"namespace": "sales", "name": "worker"}],
                       "keys": [{"name": "report", "file": "report", "readOnly": true}]}"#;
        let clients = Clients::parse(text, Path::new("/keys")).unwrap();
        assert_eq!(clients.service_account_rights("sales", "worker"), Some(Rights::Full));
        assert_eq!(clients.service_account_rights("other", "worker"), None);
        assert_eq!(clients.key_rights("report"), Some(Rights::ReadOnly));
    }

    #[test]
    fn a_misspelt_right_or_a_doubled_name_is_an_error() {
        let misspelt = r#"{"keys": [{"name": "report", "file": "report", "readonly": true}]}"#;
        assert!(Clients::parse(misspelt, Path::new("/")).unwrap_err().contains("readonly"));
        let doubled = r#"{"keys": [{"name": "a", "file": "x"}, {"name": "a", "file": "y"}]}"#;
        assert!(Clients::parse(doubled, Path::new("/")).unwrap_err().contains("twice"));
    }
}
