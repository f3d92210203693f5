//! An address that never answers: a listening socket whose queue is full, so that the kernel drops every new SYN.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Holds the address shut while it lives.
pub struct BlackHole {
    pub port: u16,
    _listener: Socket,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    pub fn new() -> io::Result<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        listener.listen(0)?;
        let address = listener.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let mut queue = Vec::new();
        // The first connection that is not completed shows that the queue is full.
        while queue.len() < 32 {
            let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(40)) else { break };
            queue.push(stream);
        }
        Ok(Self { port: address.port(), _listener: listener, _queue: queue })
    }
}
