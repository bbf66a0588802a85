//! The clients file while the gateway runs: read again when it changed, and what is wrong with it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use auth::{Secret, SecretFile};

use super::file::Clients;

/// A clients file. While it is not valid, or can't be read, the clients stay as they were.
#[derive(Debug)]
pub struct ClientsFile {
    file: SecretFile,
    current: Mutex<Current>,
}

/// The clients, and why they are not those of the file as it is now.
#[derive(Debug)]
pub struct Reading {
    pub clients: Arc<Clients>,
    pub stale: Option<String>,
}

#[derive(Debug)]
struct Current {
    text: Secret,
    clients: Arc<Clients>,
    invalid: Option<String>,
    unreadable: Option<String>,
}

impl ClientsFile {
    /// The clients in `file`, which must be valid now, and name at least one.
    pub fn open(file: PathBuf) -> Result<Self, String> {
        let file = SecretFile::new(file);
        let text = file.read().map_err(|error| error.to_string())?;
        let clients = parse(&file, &text)?;
        if clients.is_empty() {
            let file = file.path().display();
            return Err(format!("{file}: nobody could use this gateway: keys and serviceAccounts are empty"));
        }
        let current = Current { text, clients: Arc::new(clients), invalid: None, unreadable: None };
        Ok(Self { file, current: Mutex::new(current) })
    }

    /// The clients as the file has them now; what is wrong with it is logged when it comes.
    pub fn read(&self) -> Reading {
        let read = self.file.read();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let before = current.stale();
        current.take(read.map_err(|error| error.to_string()), |text| parse(&self.file, text));
        let stale = current.stale();
        if let Some(why) = stale.as_ref().filter(|_| stale != before) {
            tracing::error!("the clients stay as they were: {why}");
        }
        Reading { clients: current.clients.clone(), stale }
    }
}

impl Current {
    fn stale(&self) -> Option<String> {
        self.unreadable.clone().or_else(|| self.invalid.clone())
    }

    fn take(&mut self, read: Result<Secret, String>, parse: impl FnOnce(&Secret) -> Result<Clients, String>) {
        match read {
            Ok(text) if text != self.text => {
                match parse(&text) {
                    Ok(clients) => (self.clients, self.invalid) = (Arc::new(clients), None),
                    Err(why) => self.invalid = Some(why),
                }
                (self.text, self.unreadable) = (text, None);
            }
            Ok(_) => self.unreadable = None,
            Err(why) => self.unreadable = Some(why),
        }
    }
}

fn parse(file: &SecretFile, text: &Secret) -> Result<Clients, String> {
    let folder = file.path().parent().unwrap_or(Path::new("."));
    Clients::parse(text.expose(), folder).map_err(|error| format!("{}: {error}", file.path().display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUEST: &str = r#"{"keys": [{"name": "guest", "file": "guest"}]}"#;

    fn parsed(text: &Secret) -> Result<Clients, String> {
        Clients::parse(text.expose(), Path::new("/"))
    }

    #[test]
    fn a_broken_or_missing_file_leaves_the_clients_and_says_why_until_it_is_mended() {
        let clients = Arc::new(parsed(&GUEST.into()).unwrap());
        let mut current = Current { text: GUEST.into(), clients, invalid: None, unreadable: None };
        let mut after = |read: Result<Secret, String>| {
            current.take(read, parsed);
            (current.clients.of_key("guest").is_some(), current.stale())
        };
        assert_eq!(after(Ok(GUEST.into())), (true, None));
        let (known, broken) = after(Ok("{bad".into()));
        assert!(known && broken.is_some());
        assert_eq!(after(Err("it is gone".to_owned())), (true, Some("it is gone".to_owned())));
        assert_eq!(after(Ok("{bad".into())), (true, broken), "the same text is as broken as before");
        assert_eq!(
            after(Ok(r#"{"keys": []}"#.into())),
            (false, None),
            "no client at all is valid while it runs"
        );
        assert_eq!(after(Ok(GUEST.into())), (true, None));
    }

    #[test]
    fn a_file_that_names_nobody_is_refused_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients.json");
        for (text, why) in
            [("{}", "nobody"), (r#"{"keys": []}"#, "nobody"), ("[]", "an object"), ("[[], []]", "an object")]
        {
            std::fs::write(&path, text).unwrap();
            let error = ClientsFile::open(path.clone()).unwrap_err();
            assert!(error.contains(why) && error.starts_with(path.to_str().unwrap()), "{error}");
        }
    }
}
