//! A network link that can be cut: it forwards connections from one address to another.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// A link. While it is cut, no byte passes and no connection is completed, and no connection is closed.
#[derive(Clone)]
pub struct Link(Arc<Gate>);

#[derive(Default)]
struct Gate {
    is_cut: Mutex<bool>,
    restored: Condvar,
}

impl Link {
    /// Creates a link from a host, such as `127.0.0.2`, to the same port of `127.0.0.1`.
    pub fn new(host: &str, port: u16) -> Link {
        let listener = TcpListener::bind((host, port)).unwrap();
        let link = Link(Arc::default());
        let gate = link.0.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                gate.wait();
                // The server may have ended.
                let Ok(far) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))) else {
                    continue;
                };
                forward(&near, &far, &gate);
                forward(&far, &near, &gate);
            }
        });
        link
    }

    /// Cuts the link, or restores it.
    pub fn set_cut(&self, is_cut: bool) {
        *self.0.is_cut.lock().unwrap() = is_cut;
        self.0.restored.notify_all();
    }
}

impl Gate {
    /// Waits until the link is not cut.
    fn wait(&self) {
        let is_cut = self.is_cut.lock().unwrap();
        drop(self.restored.wait_while(is_cut, |is_cut| *is_cut).unwrap());
    }
}

/// Copies the bytes of one direction of a connection in the background.
fn forward(from: &TcpStream, to: &TcpStream, gate: &Arc<Gate>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let gate = gate.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            gate.wait();
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
