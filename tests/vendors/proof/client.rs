//! A client that hides nothing: one connection for each request, and what came back as it came.

use crate::fake::{KEYS, Vendor};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request.
#[derive(Clone)]
pub struct Ask {
    address: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub end: End,
}

/// Whether the answer is all that its head promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    Short,
}

pub fn openai(vendor: &Vendor, path: &str) -> Ask {
    ask(vendor, "/openai/v1", path).header("authorization", &format!("Bearer {}", KEYS[0].1))
}

pub fn anthropic(vendor: &Vendor, path: &str) -> Ask {
    let ask = ask(vendor, "/anthropic/v1", path);
    ask.header("x-api-key", KEYS[1].1).header("anthropic-version", "2023-06-01")
}

pub fn gemini(vendor: &Vendor, path: &str) -> Ask {
    ask(vendor, "/gemini/v1beta", path).header("x-goog-api-key", KEYS[2].1)
}

pub fn elevenlabs(vendor: &Vendor, path: &str) -> Ask {
    ask(vendor, "/elevenlabs", path).header("xi-api-key", KEYS[3].1)
}

pub fn ask(vendor: &Vendor, base: &str, path: &str) -> Ask {
    let path = format!("{base}{path}");
    Ask { address: vendor.address(), method: "GET", path, headers: Vec::new(), body: Vec::new() }
}

/// A chat that every test may have.
pub fn chat(vendor: &Vendor, prompt: &str) -> Ask {
    let messages = serde_json::json!([{ "role": "user", "content": prompt }]);
    openai(vendor, "/chat/completions").json(&serde_json::json!({ "model": "gpt-4o-mini", "messages": messages }))
}

impl Ask {
    pub fn header(mut self, name: &str, value: &str) -> Ask {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Ask {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub fn json(self, body: &Value) -> Ask {
        self.raw("application/json", body.to_string().as_bytes())
    }

    /// A form: names, files' names, contents.
    pub fn form(self, parts: &[(&str, Option<&str>, &[u8])]) -> Ask {
        let mut body = Vec::new();
        for (name, file, content) in parts {
            let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            body.extend(format!("--XX\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(b"--XX--\r\n");
        self.raw("multipart/form-data; boundary=XX", &body)
    }

    pub fn raw(mut self, kind: &str, body: &[u8]) -> Ask {
        (self.method, self.body) = ("POST", body.to_vec());
        self.without("content-type").header("content-type", kind)
    }

    /// Sends the request, and leaves the rest to the test.
    pub fn begin(&self) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let length = self.body.len();
        let mut head =
            format!("{} {} HTTP/1.1\r\nhost: vendor\r\ncontent-length: {length}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(&[head.as_bytes(), b"connection: close\r\n\r\n", &self.body].concat())?;
        Ok(stream)
    }

    /// Sends the request and reads until the server ends the connection, if it does not break it.
    pub fn try_send(&self) -> io::Result<Said> {
        let mut bytes = Vec::new();
        self.begin()?.read_to_end(&mut bytes)?;
        said(&bytes).ok_or_else(|| io::Error::other(format!("no HTTP: {:?}", String::from_utf8_lossy(&bytes))))
    }

    pub fn send(&self) -> Said {
        self.try_send().unwrap()
    }

    /// Sends the request and returns the JSON that must come with this status.
    pub fn tells(&self, status: u16) -> Value {
        let said = self.send();
        assert_eq!((said.status, said.end), (status, End::Whole), "{}", said.text());
        said.json()
    }
}

impl Said {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

fn said(bytes: &[u8]) -> Option<Said> {
    let place = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..place]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let rest = &bytes[place + 4..];
    let value = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let (body, end) = match value("content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => (rest.to_vec(), if rest.len() == length { End::Whole } else { End::Short }),
        None => unchunked(rest),
    };
    Some(Said { status, headers, body, end })
}

fn unchunked(mut rest: &[u8]) -> (Vec<u8>, End) {
    let mut body = Vec::new();
    loop {
        let Some(line) = rest.windows(2).position(|two| two == b"\r\n") else { return (body, End::Short) };
        let size = String::from_utf8_lossy(&rest[..line]);
        let size = usize::from_str_radix(&size, 16).expect("a chunk has a size");
        if size == 0 {
            return (body, End::Whole);
        }
        let Some(chunk) = rest.get(line + 2..line + 2 + size) else { return (body, End::Short) };
        body.extend(chunk);
        rest = rest.get(line + 4 + size..).unwrap_or_default();
    }
}
