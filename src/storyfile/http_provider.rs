//! Providers of `type: http`: where an API is, and which secrets it is told.

use crate::base::address::Address;
use crate::base::diagnostic::Diagnostic;
use crate::base::secret::is_secret_name;
use crate::base::span::Span;
use crate::storyfile::expr::{self, Piece};
use crate::storyfile::faults::Faults;
use crate::storyfile::fields;
use crate::storyfile::service::{Limits, SecretPiece, SecretText, Service, ServiceApi};
use crate::storyfile::tree::Node;
use std::collections::BTreeMap;

/// Keys of a provider of `type: http`.
pub const KEYS: [&str; 7] = ["type", "base_url", "api_key", "headers", "max_concurrency", "timeout", "identity"];
const UNBUILT: [&str; 3] = ["rate", "price", "fallback"];

/// Headers that are always secret, whatever their value.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Headers that the request itself decides.
const OUR_HEADERS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "content-type"];

/// Reads a provider of `type: http`; faults are reported.
pub fn read(name: &str, span: Span, node: &Node, faults: &mut Faults) -> Option<Service> {
    faults.keys("the key", node, &KEYS, &UNBUILT);
    let base = match node.get("base_url") {
        Some(base) => base_url(base, faults),
        None => {
            faults.push(
                Diagnostic::error("S022", format!("the provider `{name}` has no `base_url`"), span)
                    .label("its address is missing")
                    .help("write `base_url: https://…`: what all its calls start with"),
            );
            None
        }
    };
    let api_key = node.get("api_key").filter(|node| !node.is_null());
    let api_key = api_key.and_then(|node| secret("`api_key`", node, Wanted::Secret, faults));
    let headers = headers(node, faults);
    let max_concurrency = node.get("max_concurrency").filter(|node| !node.is_null());
    let max_concurrency = max_concurrency.and_then(|node| faults.whole("`max_concurrency`", node, 1..=1000));
    let timeout = node.get("timeout").filter(|node| !node.is_null());
    let timeout = timeout.and_then(|node| fields::duration("`timeout`", node, faults));
    let identity = node.get("identity").and_then(|node| faults.text("`identity`", node)).map(str::to_owned);
    let limits = Limits { max_concurrency, ..Limits::default() };
    Some(Service { api_key, headers, limits, timeout, identity, ..Service::at(ServiceApi::Http, base?) })
}

/// Tells whether a header's value is a secret by the header's name.
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_HEADERS.contains(&name.as_str()) || is_secret_name(&format!("_{}", name.replace('-', "_").to_uppercase()))
}

/// Tells why a text cannot name a header that a Storyfile sets; `None` if it can.
pub fn header_fault(name: &str) -> Option<&'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Some("is no name of a header");
    }
    OUR_HEADERS.contains(&name.to_lowercase().as_str()).then_some("is a header that the request itself decides")
}

fn base_url(node: &Node, faults: &mut Faults) -> Option<Address> {
    let text = faults.text("`base_url`", node)?;
    let fault = match Address::parse(text) {
        _ if text.contains("${") => "an expression stands in it",
        Ok(address) => return Some(address),
        Err(fault) => fault,
    };
    faults.push(
        Diagnostic::error("S160", format!("`base_url` is no address that can be called: {fault}"), node.span)
            .label("not an address")
            .help("write it out: `https://api.example.com/v1`, or `http://127.0.0.1:8188` for this machine"),
    );
    None
}

fn headers(node: &Node, faults: &mut Faults) -> BTreeMap<String, SecretText> {
    let mut headers = BTreeMap::new();
    let Some(node) = node.get("headers").filter(|node| !node.is_null()) else { return headers };
    if faults.map("`headers`", node).is_none() {
        return headers;
    }
    for entry in node.entries() {
        if let Some(fault) = header_fault(&entry.key) {
            faults.push(
                Diagnostic::error("S161", format!("`{}` {fault}", entry.key), entry.key_span)
                    .label("not a header to set here")
                    .help("write the name as the service's manual does, such as `X-Api-Version`"),
            );
            continue;
        }
        let wanted = if is_secret_header(&entry.key) { Wanted::Secret } else { Wanted::Any };
        if let Some(text) = secret(&format!("the header `{}`", entry.key), &entry.value, wanted, faults) {
            headers.insert(entry.key.to_lowercase(), text);
        }
    }
    headers
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    /// From the environment, never in the file.
    Secret,
}

fn secret(what: &str, node: &Node, wanted: Wanted, faults: &mut Faults) -> Option<SecretText> {
    let text = faults.text(what, node)?;
    let mut pieces = Vec::new();
    let mut is_plain = true;
    for piece in expr::split(text).unwrap_or_default() {
        match piece {
            Piece::Literal(text) => pieces.push(SecretPiece::Literal(text)),
            Piece::Variable { name, default: None } => {
                is_plain = false;
                pieces.push(SecretPiece::Variable(name));
            }
            Piece::Variable { .. } | Piece::Expression(_) => {
                faults.push(
                    Diagnostic::error("S162", format!("{what} holds more than a variable"), node.span)
                        .label("only `${NAME}` can stand here")
                        .help("a secret is read from the environment when the call is made: write `${NAME}`"),
                );
                return None;
            }
        }
    }
    if is_plain && wanted == Wanted::Secret {
        faults.push(
            Diagnostic::error("S163", format!("{what} is written into the file"), node.span)
                .label("a secret that everybody can read")
                .help(
                    "put it into the environment and write `${NAME}` here; then withdraw the one that stood in a file",
                ),
        );
        return None;
    }
    Some(SecretText { pieces })
}
