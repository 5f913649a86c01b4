//! The sockets: a door that can be shut, and connections that end when they are told to.

use super::desk::Desk;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// How a connection is to end.
#[derive(Clone, Debug)]
pub enum Order {
    Reset,
    Close,
    /// These bytes in the place of an answer, then the end.
    Say(Vec<u8>),
}

/// Whether the door listens. Shut, it refuses connections, and keeps its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorState {
    Open,
    Shut,
}

/// Returns a socket that holds `port`, and does not listen; 0 means any.
pub fn socket(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // The port is held by one socket while others come and go.
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    Ok(socket)
}

/// Where connections come in.
pub struct Door {
    pub desk: Arc<Desk>,
    pub address: SocketAddr,
    pub wanted: watch::Receiver<DoorState>,
    pub listener: Option<TcpListener>,
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            let wanted = *self.wanted.borrow_and_update();
            if wanted == DoorState::Open && self.listener.is_none() {
                let socket = socket(self.address.port()).expect("the port is held for this server");
                self.listener = Some(socket.listen(1024).expect("a bound socket listens"));
            }
            if wanted == DoorState::Shut {
                self.listener = None;
            }
            self.desk.door_is(wanted);
            let Some(listener) = &self.listener else {
                // An error means that the vendor is gone, and this task with it.
                self.wanted.changed().await.ok();
                continue;
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = self.wanted.changed() => continue,
            };
            let Ok((stream, from)) = accepted else { continue };
            // What is dripped is to go out byte by byte.
            stream.set_nodelay(true).ok();
            self.desk.connected(from);
            return (Wire { stream, line: Line::default(), desk: self.desk.clone(), from }, from);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// What the call that is served on a connection can tell it. Clones are the same line.
#[derive(Clone, Default)]
pub struct Line(Arc<Mutex<LineState>>);

#[derive(Default)]
struct LineState {
    order: Option<Order>,
    is_serving: bool,
    is_reset: bool,
}

impl Line {
    pub fn begin(&self) {
        self.0.lock().unwrap().is_serving = true;
    }

    pub fn rest(&self) {
        self.0.lock().unwrap().is_serving = false;
    }

    /// The connection ends with the next byte that would be written.
    pub fn end(&self, order: Order) {
        self.0.lock().unwrap().order = Some(order);
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Line {
        stream.io().line.clone()
    }
}

/// One connection.
pub struct Wire {
    stream: TcpStream,
    line: Line,
    desk: Arc<Desk>,
    from: SocketAddr,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.desk.disconnected(self.from);
    }
}

impl Wire {
    fn reset(&self) -> io::Error {
        self.line.0.lock().unwrap().is_reset = true;
        self.stream.set_zero_linger().ok();
        io::ErrorKind::ConnectionReset.into()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_serving = self.line.0.lock().unwrap().is_serving;
        if !is_serving && self.desk.next_is_unread() {
            let mut first = [0];
            let count = ready!(self.stream.poll_peek(context, &mut ReadBuf::new(&mut first)))?;
            if count > 0 && self.desk.take_unread() {
                return Poll::Ready(Err(self.reset()));
            }
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let order = self.line.0.lock().unwrap().order.clone();
        match order {
            None => {
                let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
                self.desk.sent(count);
                Poll::Ready(Ok(count))
            }
            Some(Order::Reset) => Poll::Ready(Err(self.reset())),
            Some(Order::Close) => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Some(Order::Say(words)) => {
                // A few words always fit into an empty socket.
                ready!(Pin::new(&mut self.stream).poll_write(context, &words))?;
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An orderly end would come before the reset.
        if self.line.0.lock().unwrap().is_reset {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
