//! Accepting connections, TLS or not, and serving requests on them one after another.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::body::BodyReader;
use crate::connection::{Conn, Counters, Stream, Transport, peer_gone, reset, shrink_receive_buffer};
use crate::exchange::{Exchange, Finish};
use crate::fault::{Connect, Fault};
use crate::fault_list::On;
use crate::head::{Incoming, read_head};
use crate::response::{Response, write_response};
use crate::side::{Kind, Side};
use crate::state::State;
use crate::{control, proxy};

/// Serves one listener for ever.
pub async fn listen(state: Arc<State>, side: &'static Side, listener: TcpListener, tls: Option<TlsAcceptor>) {
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            // Out of descriptors, most likely: wait for some to be closed.
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let _ = tcp.set_nodelay(true);
        let state = state.clone();
        let tls = tls.clone();
        tokio::spawn(async move {
            let counters = state.counters[side.name].clone();
            counters.accepted.fetch_add(1, Relaxed);
            counters.open.fetch_add(1, Relaxed);
            let _open = Open(counters.clone());
            if let Some(conn) = connect(&state, side, tcp, tls, counters).await {
                if side.kind == Kind::Control {
                    control::serve(&state, conn).await;
                } else {
                    serve(&state, side, conn).await;
                }
            }
        });
    }
}

/// Counts a connection as open while it lives.
struct Open(Arc<Counters>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// Makes a connection out of a socket: the TLS handshake, and the faults that are injected there.
async fn connect(
    state: &State,
    side: &Side,
    tcp: TcpStream,
    tls: Option<TlsAcceptor>,
    counters: Arc<Counters>,
) -> Option<Conn> {
    if state.faults.slow_ahead(side) {
        shrink_receive_buffer(&tcp);
    }
    let fault = state.faults.pick(side, On::Connect, None).map(|(_, fault)| fault);
    let mut transport = Transport::new(tcp);
    if let Some(fault) = fault {
        transport = inject(state, &fault, transport).await?;
    }
    let id = state.next_connection();
    let Some(tls) = tls else { return Some(Conn::new(Stream::Plain(transport), id, counters)) };
    // A failed handshake needs no response: rustls has sent its alert.
    let stream = tls.accept(transport).await.ok()?;
    counters.tls_handshakes_ok.fetch_add(1, Relaxed);
    Some(Conn::new(Stream::Tls(Box::new(stream)), id, counters))
}

/// Carries out a connect fault; `None` where nothing is left of the connection.
async fn inject(state: &State, fault: &Fault, mut transport: Transport) -> Option<Transport> {
    let delay = Duration::from_millis(fault.delay_ms.unwrap_or(1));
    match fault.connect {
        None => {
            sleep(delay).await;
            return Some(transport);
        }
        Some(Connect::OneByte) => {
            transport.one_byte_at_a_time(delay);
            return Some(transport);
        }
        Some(Connect::CloseMidHandshake) => {
            transport.cut_output_after(100);
            return Some(transport);
        }
        Some(Connect::Silent) => {
            tokio::select! {
                () = peer_gone(transport.tcp()) => {}
                () = state.faults.until_cleared() => {}
                () = sleep(Duration::from_millis(fault.for_ms.unwrap_or(u64::MAX / 2))) => {}
            }
        }
        Some(Connect::Plaintext) => {
            let body = "The plain HTTP request was sent to HTTPS port, or the other way round.\n";
            let length = body.len();
            let text = format!(
                "HTTP/1.1 400 Bad Request\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            read_then_write(&mut transport, text.as_bytes()).await;
        }
        Some(Connect::Alert) => {
            read_then_write(&mut transport, &[21, 3, 1, 0, 2, 2, fault.alert.unwrap_or(40)]).await
        }
        Some(Connect::Reset) => reset(transport.tcp()),
        Some(Connect::Close) => {}
    }
    None
}

/// Reads what the client sends first, then writes these bytes.
async fn read_then_write(transport: &mut Transport, bytes: &[u8]) {
    let mut buf = [0; 4096];
    let _ = timeout(Duration::from_secs(5), transport.read(&mut buf)).await;
    let _ = transport.write_all(bytes).await;
}

/// Requests and answers until one side has enough.
async fn serve(state: &State, side: &'static Side, mut conn: Conn) {
    let idle = (side.kind == Kind::Storage && state.storage_idle_ms > 0)
        .then(|| Duration::from_millis(state.storage_idle_ms));
    let mut close_on_next = false;
    loop {
        if close_on_next {
            let _ = conn.fill(64 * 1024).await;
            return conn.close(true).await;
        }
        let cut = |method: &str, target: &str| state.faults.cuts_head(side, method, target);
        let head = match read_head(&mut conn, idle, cut).await {
            Ok(Incoming::Head(head) | Incoming::Cut(head)) => head,
            Ok(Incoming::Bad(status)) => {
                let _ = refuse(&mut conn, status).await;
                return conn.close(true).await;
            }
            Ok(Incoming::End) => return conn.close(true).await,
            Err(_) => return,
        };
        let entry = state.log.start(side.kind.name(), side.tls, conn.id, &head);
        let picked = state.faults.pick(side, On::Request, Some(&head));
        let fault = picked.map(|(id, fault)| {
            entry.fault(id);
            fault
        });
        let fault = fault.unwrap_or_default();
        if side.kind == Kind::Proxy && !fault.replaces_service() && !fault.no_answer {
            sleep(Duration::from_millis(fault.delay_ms.unwrap_or(0))).await;
            return proxy::run(&head, conn, &entry).await;
        }
        let body = BodyReader::new(&head, &fault, &state.faults, entry);
        let exchange = Exchange { state, side, head: &head, fault: &fault, conn: &mut conn, body };
        match exchange.run().await {
            Finish::Keep => {}
            Finish::KeepUntilNext => close_on_next = true,
            Finish::Close { notify } => return conn.close(notify).await,
            Finish::Reset => return conn.reset(),
        }
    }
}

async fn refuse(conn: &mut Conn, status: u16) -> io::Result<()> {
    let mut response = Response::new(status, "text/plain", "the request could not be understood\n");
    response.set("Connection", "close");
    write_response(conn, response, None, false).await
}
