//! The clients of a base, as a JSON file lists them. Pure.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use auth::{Key, Keys};
use serde::Deserialize;

use super::Rights;
use crate::rights::TableRights;

/// The file: `{"serviceAccounts": [{"namespace", "name", "readOnly", "tables", "share"}], "keys": [{"name", "file",
/// "readOnly", "tables", "share"}]}`; `"tables": [{"name", "readOnly", "fields": ["…"]}]`, the whole base where absent.
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
    share: Option<u16>,
    #[serde(default)]
    tables: Option<Vec<TableRights>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireKey {
    name: String,
    /// Relative to the folder of the clients file.
    file: PathBuf,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    tables: Option<Vec<TableRights>>,
    share: Option<u16>,
}

/// What is settled with a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub rights: Rights,
    /// Of the budget, from 1 to 100.
    pub share: u16,
}

impl Terms {
    fn new(name: &str, rights: Rights, share: Option<u16>) -> Result<Self, String> {
        let share = share.unwrap_or(1);
        if !(1..=100).contains(&share) {
            return Err(format!("share of {name:?}: {share}, not from 1 to 100"));
        }
        Ok(Self { rights, share })
    }
}

/// Who may use the gateway.
#[derive(Debug, Default)]
pub struct Clients {
    pub keys: Keys,
    by_key: HashMap<String, Terms>,
    service_accounts: HashMap<(String, String), Terms>,
}

impl Clients {
    /// One client with full rights, whose key is in `file`.
    pub fn single(file: PathBuf) -> Self {
        let name = "client";
        Self {
            keys: Keys::from_iter([Key::new(name, file)]),
            by_key: HashMap::from([(name.to_owned(), Terms { rights: Rights::Full, share: 1 })]),
            service_accounts: HashMap::new(),
        }
    }

    /// The clients in `text`; key files are relative to `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        // A derived struct can be read from a list as well.
        if !text.trim_start().starts_with('{') {
            return Err("not an object with keys and serviceAccounts".to_owned());
        }
        let wire: Wire = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut by_key = HashMap::new();
        for key in &wire.keys {
            let terms = Terms::new(&key.name, Rights::of(key.read_only, key.tables.clone()), key.share)?;
            if key.name.is_empty() || key.name.contains(char::is_whitespace) {
                return Err(format!("keys: the name {:?} is empty, or has blanks", key.name));
            }
            if by_key.insert(key.name.clone(), terms).is_some() {
                return Err(format!("keys: the name {:?} is there twice", key.name));
            }
        }
        let mut service_accounts = HashMap::new();
        for account in wire.service_accounts {
            let WireServiceAccount { namespace, name, read_only, share, tables } = account;
            let terms = Terms::new(&name, Rights::of(read_only, tables), share)?;
            // Turns and the keys of its writes are by name.
            if by_key.contains_key(&format!("{namespace}/{name}")) {
                return Err(format!("keys: the name {namespace}/{name} is that of a service account"));
            }
            if service_accounts.insert((namespace.clone(), name.clone()), terms).is_some() {
                return Err(format!("serviceAccounts: {namespace}/{name} is there twice"));
            }
        }
        Ok(Self {
            keys: wire.keys.into_iter().map(|key| Key::new(key.name, folder.join(key.file))).collect(),
            by_key,
            service_accounts,
        })
    }

    /// What is settled with the holder of a key.
    pub fn of_key(&self, name: &str) -> Option<Terms> {
        self.by_key.get(name).cloned()
    }

    /// What is settled with a `ServiceAccount`.
    pub fn of_service_account(&self, namespace: &str, name: &str) -> Option<Terms> {
        self.service_accounts.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// Each client with rights on some tables only, by its name.
    pub fn limited(&self) -> impl Iterator<Item = (String, Arc<[TableRights]>)> {
        let accounts = self.service_accounts.iter();
        let accounts = accounts.map(|((namespace, name), terms)| (format!("{namespace}/{name}"), terms));
        let keys = self.by_key.iter().map(|(name, terms)| (name.clone(), terms));
        keys.chain(accounts).filter_map(|(name, terms)| match &terms.rights {
            Rights::Tables(rights) => Some((name, rights.clone())),
            Rights::Full | Rights::ReadOnly => None,
        })
    }

    /// Whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty() && self.service_accounts.is_empty()
    }

    /// Whether tokens have to be reviewed at all.
    pub fn has_service_accounts(&self) -> bool {
        !self.service_accounts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_and_shares_are_by_name_full_and_one_unless_said_otherwise() {
        let text = r#"{"serviceAccounts": [{"namespace": "sales", "name": "worker", "share": 100}],
                       "keys": [{"name": "report", "file": "report", "readOnly": true}]}"#;
        let clients = Clients::parse(text, Path::new("/keys")).unwrap();
        let worker = Terms { rights: Rights::Full, share: 100 };
        assert_eq!(clients.of_service_account("sales", "worker"), Some(worker));
        assert_eq!(clients.of_service_account("other", "worker"), None);
        assert_eq!(clients.of_key("report"), Some(Terms { rights: Rights::ReadOnly, share: 1 }));
    }

    #[test]
    fn a_share_is_from_1_to_100() {
        for share in [0, 101] {
            let text = format!(r#"{{"keys": [{{"name": "report", "file": "report", "share": {share}}}]}}"#);
            let error = Clients::parse(&text, Path::new("/")).unwrap_err();
            assert!(error.contains("from 1 to 100"), "{error}");
        }
    }

    #[test]
    fn tables_limit_a_client_and_its_read_only_covers_them_all() {
        let text = r#"{"keys": [
            {"name": "shop", "file": "x", "tables": [{"name": "Deals", "fields": ["Name"]}, {"name": "Prices", "readOnly": true}]},
            {"name": "none", "file": "x", "tables": []},
            {"name": "report", "file": "x", "readOnly": true, "tables": [{"name": "Deals"}, {"name": "Prices", "readOnly": false}]}]}"#;
        let clients = Clients::parse(text, Path::new("/")).unwrap();
        let rights = |client: &str| match clients.of_key(client).map(|terms| terms.rights) {
            Some(Rights::Tables(tables)) => {
                tables.iter().map(|table| (table.name.clone(), table.read_only)).collect::<Vec<_>>()
            }
            other => panic!("{client}: {other:?}"),
        };
        assert_eq!(rights("shop"), [("Deals".to_owned(), false), ("Prices".to_owned(), true)]);
        assert_eq!(rights("none"), []);
        assert_eq!(rights("report"), [("Deals".to_owned(), true), ("Prices".to_owned(), true)]);
        let misspelt =
            r#"{"keys": [{"name": "shop", "file": "x", "tables": [{"name": "Deals", "field": ["Name"]}]}]}"#;
        assert!(Clients::parse(misspelt, Path::new("/")).unwrap_err().contains("field"));
    }

    #[test]
    fn who_is_limited_is_listed_whether_by_a_key_or_as_a_service_account() {
        let tables = r#""tables": [{"name": "Deals"}]"#;
        let text = format!(
            r#"{{"keys": [{{"name": "shop", "file": "x", {tables}}}, {{"name": "admin", "file": "y"}}],
                 "serviceAccounts": [{{"namespace": "sales", "name": "bot", {tables}}}]}}"#
        );
        let clients = Clients::parse(&text, Path::new("/")).unwrap();
        let limited: Vec<_> = clients.limited().map(|(name, rights)| (name, rights.len())).collect();
        assert_eq!(limited, [("shop".to_owned(), 1), ("sales/bot".to_owned(), 1)]);
    }

    #[test]
    fn a_misspelt_right_or_a_doubled_name_is_an_error() {
        let misspelt = r#"{"keys": [{"name": "report", "file": "report", "readonly": true}]}"#;
        assert!(Clients::parse(misspelt, Path::new("/")).unwrap_err().contains("readonly"));
        let doubled = r#"{"keys": [{"name": "a", "file": "x"}, {"name": "a", "file": "y"}]}"#;
        assert!(Clients::parse(doubled, Path::new("/")).unwrap_err().contains("twice"));
        let account = r#"{"namespace": "sales", "name": "bot", "readOnly": true}"#;
        let twice = format!(r#"{{"serviceAccounts": [{account}, {{"namespace": "sales", "name": "bot"}}]}}"#);
        let both =
            format!(r#"{{"serviceAccounts": [{account}], "keys": [{{"name": "sales/bot", "file": "x"}}]}}"#);
        let blank = r#"{"keys": [{"name": "the gateway", "file": "x"}]}"#;
        for (text, why) in [
            (twice.as_str(), "serviceAccounts: sales/bot is there twice"),
            (both.as_str(), "keys: the name sales/bot is that of a service account"),
            (blank, "keys: the name \"the gateway\" is empty, or has blanks"),
        ] {
            assert_eq!(Clients::parse(text, Path::new("/")).unwrap_err(), why);
        }
    }
}
