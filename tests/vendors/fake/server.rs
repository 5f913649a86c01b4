//! The server: which endpoint answers which path, and the thread that it lives in.

use super::asked::Asked;
use super::desk::{Desk, Endpoint};
use super::perform::perform;
use super::wire::{Door, DoorState, Line};
use super::{anthropic, elevenlabs, gemini, openai, openai_audio};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::ConnectInfo;
use axum::http::{Request, Response};
use axum::routing::{MethodRouter, any, get, post};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime;
use tokio::sync::{oneshot, watch};

/// The most that a request may hold.
const REQUEST_BYTES_MAX: usize = 64 << 20;

fn routes(desk: &Arc<Desk>) -> Router {
    let at = |verb: Verb, endpoint: Endpoint| route(verb, endpoint, desk.clone());
    Router::new()
        .route("/openai/v1/chat/completions", at(Verb::Post, openai::chat))
        .route("/openai/v1/models", at(Verb::Get, openai::models))
        .route("/openai/v1/audio/speech", at(Verb::Post, openai_audio::speech))
        .route("/openai/v1/audio/transcriptions", at(Verb::Post, openai_audio::transcriptions))
        .route("/anthropic/v1/messages", at(Verb::Post, anthropic::messages))
        .route("/anthropic/v1/models", at(Verb::Get, anthropic::models))
        // `{m}:generateContent` is one piece of the path.
        .route("/gemini/v1beta/models/{model}", at(Verb::Post, gemini::generate).merge(at(Verb::Get, gemini::model)))
        .route("/elevenlabs/v1/text-to-speech/{voice}", at(Verb::Post, elevenlabs::speech))
        .route("/elevenlabs/v1/text-to-speech/{voice}/with-timestamps", at(Verb::Post, elevenlabs::timed_speech))
        .route("/elevenlabs/v1/models", at(Verb::Get, elevenlabs::models))
        .route("/elevenlabs/v1/user/subscription", at(Verb::Get, elevenlabs::subscription))
        .route("/elevenlabs/v2/voices", at(Verb::Get, elevenlabs::voices))
        .route("/echo", at(Verb::Any, openai::echo))
        .fallback(handler(openai::nothing, desk.clone()))
        .method_not_allowed_fallback(handler(openai::nothing, desk.clone()))
}

#[derive(Clone, Copy)]
enum Verb {
    Get,
    Post,
    Any,
}

fn route(verb: Verb, endpoint: Endpoint, desk: Arc<Desk>) -> MethodRouter {
    let handler = handler(endpoint, desk);
    match verb {
        Verb::Get => get(handler),
        Verb::Post => post(handler),
        Verb::Any => any(handler),
    }
}

type Handled = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

fn handler(
    endpoint: Endpoint,
    desk: Arc<Desk>,
) -> impl Fn(ConnectInfo<Line>, Request<Body>) -> Handled + Clone + Send + Sync + 'static {
    move |ConnectInfo(line), request| {
        let desk = desk.clone();
        Box::pin(async move { serve(&desk, &line, endpoint, request).await })
    }
}

async fn serve(desk: &Arc<Desk>, line: &Line, endpoint: Endpoint, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    // Whoever leaves before the request is whole has not asked.
    let Ok(bytes) = to_bytes(body, REQUEST_BYTES_MAX).await else { return Response::default() };
    let asked = Asked::read(head, bytes).await;
    let path = asked.path.clone();
    let turn = desk.enter(asked, endpoint, line);
    perform(turn, line, &path).await
}

/// A server in its thread. It ends, with all its connections, when it is dropped.
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    door: watch::Sender<DoorState>,
}

impl Server {
    pub fn start(desk: &Arc<Desk>, address: SocketAddr) -> Server {
        let (stop, stopped) = oneshot::channel();
        let (door, wanted) = watch::channel(DoorState::Open);
        let entrance = Door { desk: desk.clone(), address, wanted, listener: None };
        let app = routes(desk).into_make_service_with_connect_info::<Line>();
        let thread = std::thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            runtime.block_on(async {
                tokio::select! {
                    served = axum::serve(entrance, app) => served.expect("a server serves"),
                    _ = stopped => {}
                }
            });
        });
        let server = Server { stop: Some(stop), thread: Some(thread), door };
        desk.wait_for_door(DoorState::Open);
        server
    }

    pub fn set_door(&self, desk: &Desk, wanted: DoorState) {
        self.door.send_replace(wanted);
        desk.wait_for_door(wanted);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
