//! A server of a test's own, on a socket in a folder of its own; it ends with the value.
#![expect(clippy::panic, clippy::expect_used, reason = "a test without its server has to fail")]

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::Source;

const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A running server, or one that was stopped and can be started again with what it kept.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    options: Vec<String>,
    process: Option<Child>,
}

impl Server {
    /// A server that keeps nothing when it is stopped.
    ///
    /// # Panics
    /// When neither `redis-server` nor `valkey-server` is on the PATH, or it does not start.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A server with further options of its command line, for example `["--appendonly", "yes"]`.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = options.iter().map(ToString::to_string).collect();
        let mut server = Self { folder, options, process: None };
        server.set_url(&server.url());
        server.run();
        server
    }

    /// The URL, without user and password.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// A file with the URL.
    pub fn url_file(&self) -> PathBuf {
        self.folder.path().join("url")
    }

    /// Writes another URL into the file.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn set_url(&self, url: &str) {
        std::fs::write(self.url_file(), url).expect("the file with the URL");
    }

    /// The URL in the file.
    pub fn source(&self) -> Source {
        Source::file(self.url_file())
    }

    /// Its folder: for files of options, and with what it keeps.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills it, so that it loses what it has not written.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _gone_before = process.kill();
            let _status = process.wait();
        }
    }

    /// Kills it and starts it again.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn restart(&mut self) {
        self.stop();
        self.run();
    }

    /// Starts it again after [`Server::stop`], and waits until it answers.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn run(&mut self) {
        let spawned = PROGRAMS.iter().find_map(|program| self.command(program).spawn().ok());
        let Some(process) = spawned else {
            panic!(
                "this test needs redis-server or valkey-server on the PATH (on Debian: apt-get install redis-server)"
            )
        };
        self.process = Some(process);
        let begun = Instant::now();
        while !self.answers() {
            assert!(
                begun.elapsed() < PATIENCE,
                "the server does not start: see {}",
                self.folder.path().display()
            );
            sleep(LOOK_EVERY);
        }
    }

    /// It is there, and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path());
        command.args(&self.options).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// A server that wants a password answers, too.
    fn answers(&self) -> bool {
        let ask = || {
            let mut stream = UnixStream::connect(self.socket())?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).map(|()| answer)
        };
        ask().is_ok_and(|answer: [u8; 5]| &answer == b"+PONG" || &answer == b"-NOAU")
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("a running server");
        let sent = Command::new("kill").arg(signal).arg(process.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
