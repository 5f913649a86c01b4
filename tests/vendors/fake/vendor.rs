//! The handle that tests hold: starts the server, gives it a script, asks for its accounts.

use super::desk::{Call, Desk, Ending, Manner};
use super::fault::Behaviour;
use super::gate::Gate;
use super::server::Server;
use super::wire::{self, DoorState};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use tokio::net::TcpSocket;

/// A server of all vendors. It lives until it is dropped.
pub struct Vendor {
    desk: Arc<Desk>,
    server: Server,
    address: SocketAddr,
    /// Holds the port while the door is shut.
    _port: TcpSocket,
}

impl Vendor {
    pub fn start() -> Vendor {
        let port = wire::socket(0).expect("this machine has a free port");
        let address = port.local_addr().expect("a bound socket has an address");
        let desk = Desk::new();
        let server = Server::start(&desk, address);
        Vendor { desk, server, address, _port: port }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a path: `/openai/v1`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Appends to the script: each call takes the first behaviour that is for it, then all is plain success.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) -> &Vendor {
        self.desk.change(|state| state.script.extend(behaviours));
        self
    }

    /// Behaviours that no call has taken.
    pub fn script_left(&self) -> usize {
        self.desk.state().script.len()
    }

    /// Every call that comes from now on is listed, charged, and waits.
    pub fn hold(&self) -> &Vendor {
        self.desk.change(|state| state.hold = Some(Gate::new()));
        self
    }

    /// Answers the calls that wait; the next ones wait no more.
    pub fn release(&self) -> &Vendor {
        let gate = self.desk.change(|state| state.hold.take());
        gate.iter().for_each(Gate::open);
        self
    }

    /// Answers the call that waits longest.
    pub fn release_one(&self) -> &Vendor {
        self.desk.state().hold.iter().for_each(|gate| gate.let_through(1));
        self
    }

    /// Refuses connections from now on, on the same port. Those that stand go on.
    pub fn unplug(&self) -> &Vendor {
        self.server.set_door(&self.desk, DoorState::Shut);
        self
    }

    /// Takes connections again.
    pub fn plug(&self) -> &Vendor {
        self.server.set_door(&self.desk, DoorState::Open);
        self
    }

    /// Answers a second call with the same `Idempotency-Key` as the first, and charges it once.
    pub fn dedupe(&self) -> &Vendor {
        self.desk.change(|state| state.replays = Some(BTreeMap::new()));
        self
    }

    /// Needs no key and takes fields that it does not know, as local servers do.
    pub fn as_local_server(&self) -> &Vendor {
        self.desk.change(|state| state.manner = Manner::Local);
        self
    }

    /// Refuses with 429 what would be more than `count` paid calls at once.
    pub fn limit_concurrency(&self, count: usize) -> &Vendor {
        self.desk.change(|state| state.in_flight_max = Some(count));
        self
    }

    /// Every request that was read, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.desk.state().calls.clone()
    }

    /// How many generations a vendor would have charged, whether or not the answers arrived.
    pub fn charges(&self) -> usize {
        self.desk.state().charges.len()
    }

    /// How often each path and body was charged.
    pub fn charges_by_body(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for charge in &self.desk.state().charges {
            *counts.entry(charge.clone()).or_default() += 1;
        }
        counts
    }

    /// The most paid calls that were open at one time.
    pub fn peak_in_flight(&self) -> usize {
        self.desk.state().in_flight_peak
    }

    /// Connections that were taken, with or without a request.
    pub fn connections(&self) -> usize {
        self.desk.state().connections
    }

    /// Bytes that went out on all connections.
    pub fn sent_bytes(&self) -> u64 {
        self.desk.state().sent_bytes
    }

    /// Waits until `count` requests have been read. Panics if they do not come.
    pub fn wait_for_calls(&self, count: usize) -> &Vendor {
        self.desk.wait_until(&format!("{count} calls"), |state| state.calls.len() >= count);
        self
    }

    /// Waits until `count` calls ended so. Panics if they do not.
    pub fn wait_for_endings(&self, ending: Ending, count: usize) -> &Vendor {
        self.desk.wait_until(&format!("{count} × {ending:?}"), |state| {
            state.calls.iter().filter(|call| call.ending == ending).count() >= count
        });
        self
    }

    /// Waits until nobody is connected any more: what a dead client had sent is read by then, and listed. Panics if
    /// somebody stays.
    pub fn wait_until_left(&self) -> &Vendor {
        // Who comes last has been let in after all who had knocked before.
        let last = TcpStream::connect(self.address).expect("the door is open");
        let guest = last.local_addr().expect("who is connected has an address");
        self.desk.wait_until("the door", |state| state.guests.contains(&guest));
        drop(last);
        self.desk.wait_until("all to leave", |state| state.guests.is_empty());
        self
    }
}
