//! Where events go. A sink returns nothing and cannot fail: no reporter can change a build.

use super::kind::Event;
use std::sync::{Arc, Mutex, PoisonError};

/// A listener to a run.
pub trait Sink: Send + Sync {
    fn send(&self, event: &Event);
}

/// Tells several listeners, in order.
#[derive(Clone, Default)]
pub struct Fanout(Vec<Arc<dyn Sink>>);

impl Fanout {
    pub fn new(sinks: Vec<Arc<dyn Sink>>) -> Fanout {
        Fanout(sinks)
    }
}

impl Sink for Fanout {
    fn send(&self, event: &Event) {
        for sink in &self.0 {
            sink.send(event);
        }
    }
}

/// Keeps every event, for an embedder that looks at a run afterwards.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    /// Returns all events so far.
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Recorder {
    fn send(&self, event: &Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }
}
