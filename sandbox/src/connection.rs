//! One accepted connection: a TCP socket, perhaps with TLS on it, with the few controls that faults need
//! (reset, half-close, small buffers, output byte by byte, output cut short).

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use serde_json::{Value, json};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

/// How much one read takes at most. Large pieces keep the cost per byte low on the way to the S3 service.
pub const CHUNK: usize = 256 * 1024;

/// The socket below TLS. Faults that concern every byte the server says, its handshake included, live here.
pub struct Transport {
    tcp: TcpStream,
    /// Output goes out one byte at a time, with this pause before each.
    one_byte: Option<Duration>,
    /// Output ends with an error after so many bytes.
    write_left: Option<usize>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Transport {
    pub fn new(tcp: TcpStream) -> Self {
        Self { tcp, one_byte: None, write_left: None, pause: None }
    }

    pub fn one_byte_at_a_time(&mut self, pause: Duration) {
        self.one_byte = Some(pause);
    }

    pub fn cut_output_after(&mut self, bytes: usize) {
        self.write_left = Some(bytes);
    }

    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub fn into_tcp(self) -> TcpStream {
        self.tcp
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let mut len = this.write_left.map_or(buf.len(), |left| left.min(buf.len()));
        if len == 0 && !buf.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if let Some(pause) = this.one_byte {
            ready!(this.pause.get_or_insert_with(|| Box::pin(sleep(pause))).as_mut().poll(cx));
            len = len.min(1);
        }
        let n = ready!(Pin::new(&mut this.tcp).poll_write(cx, &buf[..len]))?;
        this.pause = None;
        if let Some(left) = &mut this.write_left {
            *left -= n;
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    /// TLS calls this after its close_notify. The TCP side is closed, half-closed or reset on its own, by [`Conn`].
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

pub enum Stream {
    Plain(Transport),
    Tls(Box<TlsStream<Transport>>),
}

/// What one listener saw.
#[derive(Default)]
pub struct Counters {
    pub accepted: AtomicU64,
    pub open: AtomicU64,
    pub tls_handshakes_ok: AtomicU64,
    /// Bytes of HTTP that arrived: without TLS's own, so 0 where a client refused the certificate.
    pub app_bytes: AtomicU64,
}

impl Counters {
    pub fn json(&self) -> Value {
        json!({
            "accepted": self.accepted.load(Relaxed), "open": self.open.load(Relaxed),
            "tls_handshakes_ok": self.tls_handshakes_ok.load(Relaxed), "app_bytes": self.app_bytes.load(Relaxed),
        })
    }

    /// Back to nothing; what is open stays counted.
    pub fn clear(&self) {
        for counter in [&self.accepted, &self.tls_handshakes_ok, &self.app_bytes] {
            counter.store(0, Relaxed);
        }
    }
}

/// A connection that is ready for HTTP, with what was read ahead of the parser.
pub struct Conn {
    stream: Stream,
    pub buf: BytesMut,
    pub id: u64,
    counters: Arc<Counters>,
}

impl Conn {
    pub fn new(stream: Stream, id: u64, counters: Arc<Counters>) -> Self {
        Self { stream, buf: BytesMut::new(), id, counters }
    }

    /// The bare socket and what was read from it already; `None` under TLS.
    pub fn into_plain(self) -> Option<(TcpStream, BytesMut)> {
        match self.stream {
            Stream::Plain(transport) => Some((transport.into_tcp(), self.buf)),
            Stream::Tls(_) => None,
        }
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(transport) => transport.tcp(),
            Stream::Tls(tls) => tls.get_ref().0.tcp(),
        }
    }

    /// Reads what is there, at most `max` bytes, into `buf`; 0 means the peer has closed its side.
    pub async fn fill(&mut self, max: usize) -> io::Result<usize> {
        let mut total = self.read_once(max).await?;
        // TLS gives one record at a time; more of them may be here already.
        while total > 0 && total < max && matches!(self.stream, Stream::Tls(_)) {
            match now(self.read_once(max - total)).await {
                Some(Ok(n)) if n > 0 => total += n,
                _ => break,
            }
        }
        Ok(total)
    }

    async fn read_once(&mut self, max: usize) -> io::Result<usize> {
        self.buf.reserve(max.min(CHUNK));
        let mut buf = (&mut self.buf).limit(max);
        let n = match &mut self.stream {
            Stream::Plain(transport) => transport.read_buf(&mut buf).await?,
            Stream::Tls(tls) => match tls.read_buf(&mut buf).await {
                // A peer that leaves without close_notify has closed all the same.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
                other => other?,
            },
        };
        self.counters.app_bytes.fetch_add(n as u64, Relaxed);
        Ok(n)
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(transport) => transport.write_all(bytes).await,
            Stream::Tls(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
        }
    }

    /// A small receive buffer, so that the peer feels it when nobody reads.
    pub fn shrink_receive_buffer(&self) {
        shrink_receive_buffer(self.tcp());
    }

    /// New traffic keys for what the server sends from here on (TLS 1.3), the peer told to do the same.
    pub async fn update_keys(&mut self) -> io::Result<()> {
        if let Stream::Tls(tls) = &mut self.stream {
            // TLS 1.2 has no such thing and says so; then there is nothing to do.
            let _ = tls.get_mut().1.refresh_traffic_keys();
            tls.flush().await?;
        }
        Ok(())
    }

    /// Sends close_notify where there is TLS; the socket stays open.
    async fn close_notify(&mut self) {
        if let Stream::Tls(tls) = &mut self.stream {
            let _ = tokio::time::timeout(Duration::from_millis(200), tls.shutdown()).await;
        }
    }

    /// A plain close(): the kernel sends a FIN, or a reset where unread data is in its queue.
    pub async fn close(mut self, notify: bool) {
        if notify {
            self.close_notify().await;
        }
    }

    /// Closes by reset: data in flight is lost, the peer sees ECONNRESET.
    pub fn reset(self) {
        reset(self.tcp());
    }

    /// shutdown(WR): the peer sees the end of our output, its own way stays open.
    pub async fn half_close(&mut self, notify: bool) {
        if notify {
            self.close_notify().await;
        }
        let _ = SockRef::from(self.tcp()).shutdown(std::net::Shutdown::Write);
    }

    /// Returns once the peer has closed or reset the connection, as far as that can be seen without reading.
    pub async fn peer_gone(&self) {
        peer_gone(self.tcp()).await;
    }
}

/// Not smaller: loopback's segments are 64 KiB long, and with less room than that the sender waits for timers instead of
/// for us (0.1 MB/s at 4 KiB, no matter how fast we read).
pub fn shrink_receive_buffer(tcp: &TcpStream) {
    let _ = SockRef::from(tcp).set_recv_buffer_size(64 * 1024);
}

/// Makes the coming close() a reset.
pub fn reset(tcp: &TcpStream) {
    let _ = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}

pub async fn peer_gone(tcp: &TcpStream) {
    loop {
        if let Some(Ok(state)) = now(tcp.ready(Interest::READABLE | Interest::WRITABLE)).await
            && (state.is_read_closed() || state.is_write_closed())
        {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Polls once: what the future has to say right now.
async fn now<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
