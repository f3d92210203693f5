//! `linq-sandbox`: stands in for the Linq API on loopback, with a real S3 server behind its upload URLs, and does on
//! request what networks and servers do on bad days. README.md tells how to use it.

mod api;
mod api_error;
mod blackhole;
mod body;
mod canned;
mod chats;
mod connection;
mod control;
mod exchange;
mod fault;
mod fault_list;
mod fields;
mod head;
mod log;
mod message;
mod presign;
mod proxy;
mod response;
mod serve;
mod side;
mod state;
mod storage;
mod tls;
mod util;

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::blackhole::BlackHole;
use crate::side::Side;
use crate::state::{PHONE, State};
use crate::tls::Certificates;

type StdError = Box<dyn std::error::Error + Send + Sync>;

/// Loopback's own segments have 64 KB, and a slow reader acknowledges nothing before there is room for a whole one: at
/// 5 KB/s that looks like a stall. With Ethernet's segment size it looks slow, as it would on a network.
const SEGMENT: u32 = 1460;

const USAGE: &str = "usage: linq-sandbox [--dir DIR] [--storage-idle-ms N] [--exit-with-stdin]";

#[derive(Default)]
struct Options {
    dir: Option<PathBuf>,
    storage_idle_ms: u64,
    exit_with_stdin: bool,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--dir" => options.dir = Some(args.next()?.into()),
                "--storage-idle-ms" => options.storage_idle_ms = args.next()?.parse().ok()?,
                "--exit-with-stdin" => options.exit_with_stdin = true,
                _ => return None,
            }
        }
        Some(options)
    }
}

fn main() -> ExitCode {
    let Some(options) = Options::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let temporary = options.dir.is_none();
    let dir = options.dir.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("linq-sandbox-{}-{}", std::process::id(), util::random_hex()))
    });
    let result = tokio::runtime::Runtime::new().map_err(StdError::from).and_then(|runtime| {
        let result = runtime.block_on(run(&options, &dir));
        // What still writes into the directory must have ended; held connections end at once.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    });
    if temporary {
        let _ = std::fs::remove_dir_all(&dir);
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("linq-sandbox: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options, dir: &std::path::Path) -> Result<(), StdError> {
    // Listens before there is a directory to tidy up: a signal may come while it starts.
    let mut ended = pin!(until_ended(options.exit_with_stdin)?);
    tokio::select! {
        () = &mut ended => Ok(()),
        black_hole = start(options, dir) => {
            let _open = black_hole?;
            ended.await;
            Ok(())
        }
    }
}

/// Returns as soon as it is ready and has said so.
async fn start(options: &Options, dir: &std::path::Path) -> Result<BlackHole, StdError> {
    let s3_dir = dir.join("s3");
    std::fs::create_dir_all(&s3_dir)?;
    let dir = dir.canonicalize()?;
    let black_hole = tokio::task::spawn_blocking(BlackHole::new);
    let certificates = Certificates::new().map_err(|e| e.to_string())?;
    let ca_file = dir.join("ca.pem");
    std::fs::write(&ca_file, &certificates.ca_pem)?;

    let mut listeners = Vec::new();
    let mut ports = HashMap::new();
    for side in &Side::ALL {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        SockRef::from(&listener).set_tcp_mss(SEGMENT)?;
        ports.insert(side.name, listener.local_addr()?.port());
        listeners.push((side, listener));
    }
    let secret = util::random_hex();
    let s3 = storage::service(&s3_dir, &secret)?;
    let state = Arc::new(State::new(dir, ports, options.storage_idle_ms, s3, secret));
    for (side, listener) in listeners {
        tokio::spawn(serve::listen(state.clone(), side, listener, acceptor(&certificates, side)));
    }
    let black_hole = black_hole.await??;

    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", ready_line(&state, &ca_file, black_hole.port))?;
    stdout.flush()?;
    Ok(black_hole)
}

fn acceptor(certificates: &Certificates, side: &Side) -> Option<TlsAcceptor> {
    let acceptor = match side.name {
        "bad_tls_expired" => &certificates.expired,
        "bad_tls_not_yet" => &certificates.not_yet,
        "bad_tls_wrong_host" => &certificates.wrong_host,
        "bad_tls_unknown_ca" => &certificates.unknown_ca,
        _ => &certificates.good,
    };
    side.tls.then(|| acceptor.clone())
}

fn ready_line(state: &State, ca_file: &std::path::Path, black_hole: u16) -> serde_json::Value {
    let api = |side: &str| format!("{}{}", state.origin(side, None), api::PREFIX);
    let origin = |side: &str| state.origin(side, None);
    json!({
        "api": api("api"),
        "api_tls": api("api_tls"),
        "storage": origin("storage"),
        "storage_tls": origin("storage_tls"),
        "control": origin("control"),
        "other": origin("other"),
        "other_tls": origin("other_tls"),
        "proxy": origin("proxy"),
        "black_hole": format!("http://127.0.0.1:{black_hole}"),
        "key": state.key,
        "ca_file": ca_file,
        "bad_tls": {
            "expired": api("bad_tls_expired"),
            "not_yet": api("bad_tls_not_yet"),
            "wrong_host": api("bad_tls_wrong_host"),
            "unknown_ca": api("bad_tls_unknown_ca"),
        },
        "phone": PHONE,
        "pid": std::process::id(),
    })
}

/// Resolves when a signal, or the end of stdin, says that it is over. Listening begins with the call.
fn until_ended(with_stdin: bool) -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let [mut terminated, mut interrupted, mut hung_up] = {
        use tokio::signal::unix::{SignalKind, signal};
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?]
    };
    let stdin_ended = std::sync::Arc::new(tokio::sync::Notify::new());
    if with_stdin {
        // A thread of its own: nothing can interrupt a read of stdin.
        let tell = stdin_ended.clone();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            tell.notify_one();
        });
    }
    Ok(async move {
        #[cfg(unix)]
        let signal = async {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
                _ = hung_up.recv() => {}
            }
        };
        #[cfg(not(unix))]
        let signal = tokio::signal::ctrl_c();
        tokio::select! {
            _ = signal => {}
            () = stdin_ended.notified() => {}
        }
    })
}
