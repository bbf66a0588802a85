//! Against a server of one's own: what a connection survives, and what its errors say.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use valkey::{Cmd, Error, Script, Source, Valkey, cmd, testing::Server};

fn set(key: &str, value: &str) -> Cmd {
    let mut set = cmd("SET");
    set.arg(key).arg(value);
    set
}

fn get(key: &str) -> Cmd {
    let mut get = cmd("GET");
    get.arg(key);
    get
}

/// Waits until the server can be used.
async fn is_back(store: &Valkey) {
    let begun = Instant::now();
    while let Err(error) = store.check().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_script_runs_also_after_the_server_forgot_it() {
    let server = Server::start();
    let store = Valkey::open(server.source()).unwrap();
    let script = Script::new("return {KEYS[1], ARGV[1] + 1}");
    for _ in 0..2 {
        let (key, sum): (String, i64) = store.script(&script, &["key"], &["41"]).await.unwrap();
        assert_eq!((key.as_str(), sum), ("key", 42));
        store.command::<()>(cmd("SCRIPT").arg("FLUSH")).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_no_error_of_opening_and_is_used_as_soon_as_it_is_there() {
    let mut server = Server::start();
    server.stop();
    let store = Valkey::open(server.source()).unwrap();
    let error = store.check().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    server.run();
    is_back(&store).await;
}

#[tokio::test]
async fn a_restart_is_told_before_anything_is_asked() {
    let mut server = Server::start();
    let store = Valkey::open(server.source()).unwrap();
    let before = store.connected().await.unwrap();
    store.command::<()>(&set("key", "value")).await.unwrap();
    assert_eq!(store.connected().await.unwrap().run_id(), before.run_id());
    server.restart();
    is_back(&store).await;
    let after = store.connected().await.unwrap();
    assert_ne!(after.run_id(), before.run_id());
    assert_eq!(after.command::<Option<String>>(&get("key")).await, Ok(None));
    let error = before.command::<()>(&set("key", "value")).await.unwrap_err();
    assert_eq!(error, Error::Lost, "nothing goes to another run than the connection's");
}

#[tokio::test]
async fn what_is_not_answered_in_time_may_have_been_done() {
    let server = Server::start();
    let store = Valkey::open(server.source()).unwrap();
    store.check().await.unwrap();
    server.freeze();
    let begun = Instant::now();
    let error = store.command::<()>(&set("key", "value")).await.unwrap_err();
    assert_eq!(error, Error::TimedOut);
    assert!(begun.elapsed() >= valkey::LIMIT);
    let error = store.check().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    server.thaw();
    is_back(&store).await;
    assert_eq!(store.command::<Option<String>>(&get("key")).await.unwrap().as_deref(), Some("value"));
}

#[tokio::test]
async fn a_refused_password_is_said_never_shown_and_replaced_by_the_next_one_in_the_file() {
    let server = Server::with(&["--requirepass", "hunter2"]);
    let store = Valkey::open(server.source()).unwrap();
    let error = store.check().await.unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if why.contains("password")), "{error:?}");
    server.set_url(&format!("{}?pass=hunter3", server.url()));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let error = store.check().await.unwrap_err();
    assert!(matches!(&error, Error::Refused(_)), "{error:?}");
    for shown in [format!("{error} {error:?}"), format!("{store:?}")] {
        assert!(!shown.contains("hunter"), "{shown}");
    }
    server.set_url(&format!("{}?pass=hunter2", server.url()));
    is_back(&store).await;
}

#[tokio::test]
async fn what_the_user_may_not_do_is_refused() {
    let server =
        Server::with(&["--user", "gateway", "on", ">secret", "~pyairtable:*", "+info", "+get", "+ping"]);
    server.set_url(&format!("{}?user=gateway&pass=secret", server.url()));
    let store = Valkey::open(server.source()).unwrap();
    store.check().await.unwrap();
    assert_eq!(store.command::<Option<String>>(&get("pyairtable:key")).await, Ok(None));
    for command in [set("pyairtable:key", "value"), get("other")] {
        let error = store.command::<()>(&command).await.unwrap_err();
        assert!(matches!(&error, Error::Refused(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_replica_is_not_written_to() {
    let primary = Server::start();
    let replica = Server::start();
    let follow = |what: [&str; 2]| {
        let mut follow = cmd("REPLICAOF");
        follow.arg(&what);
        follow
    };
    let store = Valkey::open(replica.source()).unwrap();
    store.check().await.unwrap();
    store.command::<()>(&follow(["127.0.0.1", "1"])).await.unwrap();
    let error = store.command::<()>(&set("key", "value")).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if why.contains("replica")), "{error:?}");
    let error = store.check().await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused(why) if why.contains("replica")),
        "a new connection knows: {error:?}"
    );
    replica.set_url(&primary.url());
    is_back(&store).await;
}

/// Speaks as much of the protocol as who connects wants to hear, and says `about` of itself.
fn introduce(mut stream: UnixStream, about: &str) -> std::io::Result<()> {
    let mut asked = [0; 4096];
    while let length @ 1.. = stream.read(&mut asked)? {
        for word in String::from_utf8_lossy(&asked[..length]).split("\r\n") {
            let answer = match word {
                "HELLO" => "%1\r\n+proto\r\n:3\r\n".to_owned(),
                "INFO" => format!("${}\r\n{about}\r\n\r\n", about.len() + 2),
                "PING" => "+PONG\r\n".to_owned(),
                _ => continue,
            };
            stream.write_all(answer.as_bytes())?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_say_which_run_it_is_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    for (about, is_used) in
        [("role:master", false), ("role:master\r\nrun_id:", false), ("role:master\r\nrun_id:1", true)]
    {
        let (socket, url) = (folder.path().join(about.len().to_string()), folder.path().join("url"));
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || introduce(listener.accept().unwrap().0, about));
        std::fs::write(&url, format!("unix://{}", socket.display())).unwrap();
        let checked = Valkey::open(Source::file(url)).unwrap().check().await;
        match checked {
            Ok(()) => assert!(is_used, "{about}"),
            Err(error) => assert!(!is_used && error.to_string().contains("run_id"), "{about}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_file_without_a_url_is_an_error_of_opening_that_does_not_show_it() {
    let server = Server::start();
    server.set_url("https://hunter2@host");
    let error = Valkey::open(server.source()).unwrap_err().to_string();
    assert!(error.starts_with(server.url_file().to_str().unwrap()) && error.contains("redis://"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_file_that_comes_later_is_awaited() {
    let server = Server::start();
    std::fs::remove_file(server.url_file()).unwrap();
    let store = Valkey::open(server.source()).unwrap();
    assert!(matches!(store.check().await, Err(Error::Source { .. })));
    server.set_url(&server.url());
    is_back(&store).await;
}

#[tokio::test]
async fn each_call_is_told_to_the_observer() {
    let mut server = Server::start();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let seen = seen.clone();
        move |outcome, _| seen.lock().unwrap().push(outcome)
    };
    let store = Valkey::observed(server.source(), observer).unwrap();
    store.check().await.unwrap();
    store.command::<i64>(&cmd("NONSENSE")).await.unwrap_err();
    server.stop();
    while store.check().await.is_ok() {}
    store.check().await.unwrap_err();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen[..2], ["ok", "failed"]);
    assert_eq!(seen.last(), Some(&"unreachable"));
}
