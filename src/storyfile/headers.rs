//! Headers and keys of services: which names a Storyfile may set, and texts whose secrets are read at the call only.

use crate::base::diagnostic::Diagnostic;
use crate::base::secret::is_secret_name;
use crate::storyfile::expr::{self, Piece};
use crate::storyfile::faults::Faults;
use crate::storyfile::service::{SecretPiece, SecretText};
use crate::storyfile::tree::Node;
use std::collections::BTreeMap;

/// Headers that are always secret, whatever their value.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Headers that the request itself decides.
const OUR_HEADERS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "content-type"];

/// Whether a text may stand in the file as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Any,
    /// From the environment, never in the file.
    Secret,
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

/// Reads the map under `headers:`; names come out in lower case.
pub fn read(node: &Node, faults: &mut Faults) -> BTreeMap<String, SecretText> {
    let mut headers = BTreeMap::new();
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

/// Reads a text that may name variables, which are read when a call is made.
pub fn secret(what: &str, node: &Node, wanted: Wanted, faults: &mut Faults) -> Option<SecretText> {
    let text = faults.text(what, node)?;
    let Ok(found) = expr::split(text) else {
        faults.push(
            Diagnostic::error("S053", format!("`${{` is not closed in {what}"), node.span)
                .label("no `}` follows")
                .help("close it: `${NAME}`; `$${` are the two signs themselves"),
        );
        return None;
    };
    let mut pieces = Vec::new();
    let mut is_plain = true;
    for piece in found {
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
                .hidden()
                .label("a secret that everybody can read")
                .help(
                    "put it into the environment and write `${NAME}` here; then withdraw the one that stood in a file",
                ),
        );
        return None;
    }
    Some(SecretText { pieces })
}
