//! Servers that are not who they say: refused before a byte of the request is sent.

use crate::space::{Run, Space};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

const KEY: &str = "sk-CANARY-of-the-gateway";

/// Who vouches for servers, and for whom.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    fn vouches(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.der().clone(), key: key.serialize_der() }
    }
}

/// What a server shows of itself.
struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

/// For this machine, from yesterday's century to the next.
fn params() -> CertificateParams {
    CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap()
}

/// A server that answers one request after the other, and keeps what it could read of each.
struct Server {
    url: String,
    read: Arc<Mutex<Vec<u8>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    fn start(identity: Identity) -> Server {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key));
        let config = builder.with_no_client_auth().with_single_cert(vec![identity.certificate], key).unwrap();
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
        let url = format!("https://{}", listener.local_addr().unwrap());
        let server = Server { url, read: Arc::default(), connections: Arc::default() };
        let (read, connections) = (server.read.clone(), server.connections.clone());
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                *connections.lock().unwrap() += 1;
                let mut connection = ServerConnection::new(config.clone()).unwrap();
                answer(&mut Stream::new(&mut connection, &mut socket), &read);
            }
        });
        server
    }
}

/// Reads a request as far as it comes, and answers it if it is whole.
fn answer(stream: &mut impl ReadWrite, read: &Mutex<Vec<u8>>) {
    let mut byte = [0];
    let mut request: Vec<u8> = Vec::new();
    while !request.ends_with(b"}") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => break,
        }
        read.lock().unwrap().push(byte[0]);
    }
    if request.ends_with(b"}") {
        let said =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.write_all(said.as_bytes()).and_then(|()| stream.flush()).ok();
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

fn build(server: &Server, authority: &Authority) -> Run {
    let space = Space::new()
        .story(&format!(
            "
            providers: {{ art: {{ type: http, base_url: \"{}\", api_key: \"${{GATEWAY_KEY}}\" }} }}
            stages:
              a: {{ uses: http, provider: art, retry: {{ max: 2, delay: 1ms }}, outputs: a.json, with: {{ url: /a, json: {{ a: b }} }} }}
            ",
            server.url
        ))
        .file("authority.pem", &authority.pem);
    let mut command = space.command(&["build"]);
    command.env("GATEWAY_KEY", KEY).env("SSL_CERT_FILE", space.path("authority.pem"));
    space.finish(command)
}

#[test]
fn a_server_that_somebody_vouches_for_is_told_the_key() {
    let authority = Authority::new();
    let server = Server::start(authority.vouches(&params()));
    build(&server, &authority).exit(0).holds("a.json", "{}");
    let read = String::from_utf8(server.read.lock().unwrap().clone()).unwrap();
    assert!(read.contains(KEY), "{read}");
}

#[test]
fn self_signed_expired_too_new_and_of_another_name_are_refused_before_a_byte_is_sent() {
    let authority = Authority::new();
    let alone = KeyPair::generate().unwrap();
    let itself = params().self_signed(&alone).unwrap();
    let (mut expired, mut early) = (params(), params());
    expired.not_after = date_time_ymd(2020, 1, 1);
    early.not_before = date_time_ymd(2999, 1, 1);
    let other = CertificateParams::new(vec!["api.openai.com".to_owned()]).unwrap();
    for (what, identity) in [
        ("self-signed", Identity { certificate: itself.der().clone(), key: alone.serialize_der() }),
        ("expired", authority.vouches(&expired)),
        ("not valid yet", authority.vouches(&early)),
        ("of another name", authority.vouches(&other)),
        ("of an unknown authority", Authority::new().vouches(&params())),
    ] {
        let server = Server::start(identity);
        let run = build(&server, &authority)
            .exit(1)
            .says("its certificate is not trusted here")
            .says("nothing was sent")
            .says_not(KEY);
        assert!(!run.has("a.json"), "{what}");
        assert_eq!(*server.connections.lock().unwrap(), 1, "{what}: it was called, and not again");
        assert!(server.read.lock().unwrap().is_empty(), "{what}: nothing was sent\n{}", run.err);
    }
}
