//! The address of a service on the network: https, or plain http to this very machine. Pure: nothing is looked up.

/// An address that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    scheme: String,
    /// In lower case; an IPv6 address in its brackets.
    host: String,
    port: Option<u16>,
    /// With its first `/`, the query included; empty for none.
    path: String,
}

impl Address {
    /// Parses `https://host:port/path?query`; the error is what is wrong with it.
    pub fn parse(text: &str) -> Result<Address, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("it does not start with `https://`")?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "https" && scheme != "http" {
            return Err("it does not start with `https://`");
        }
        if text.chars().any(|sign| sign.is_whitespace() || sign.is_control()) || rest.contains(['#', '\\']) {
            return Err("a sign in it cannot stand in an address");
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err("a user name or password stands in it");
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, Some(port.parse().map_err(|_| "its port is no number up to 65535")?))
            }
            _ => (authority, None),
        };
        let host = host.to_ascii_lowercase();
        if host.is_empty()
            || !host.trim_matches(['[', ']']).chars().all(|sign| sign.is_alphanumeric() || ".-:_".contains(sign))
        {
            return Err("it names no host");
        }
        // A letter of another script looks like one of ours and is another host.
        if !host.is_ascii() {
            return Err("its host has signs that only look familiar: write it in its registered form, `xn--…`");
        }
        let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
        let address = Address { scheme, host, port, path };
        if address.scheme == "http" && !address.is_loopback() {
            return Err("plain `http` is for this machine only; another one is called by `https`");
        }
        Ok(address)
    }

    /// Tells whether it is this very machine.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_matches(['[', ']']);
        let parts: Vec<Option<u8>> = bare.split('.').map(|part| part.parse().ok()).collect();
        let is_v4 = matches!(parts.as_slice(), [Some(127), Some(_), Some(_), Some(_)]);
        is_v4 || bare == "localhost" || bare == "::1"
    }

    /// Returns how a key names the host: never a port, and this machine by no name of its own (R9).
    pub fn vendor(&self) -> &str {
        if self.is_loopback() { "loopback" } else { &self.host }
    }

    /// Returns the host as a person names it, with its port if that is not the usual one.
    pub fn server(&self) -> String {
        let usual = if self.scheme == "http" { 80 } else { 443 };
        match self.port.filter(|port| *port != usual) {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Tells whether both are the same server.
    pub fn is_same_server(&self, other: &Address) -> bool {
        let port = |address: &Address| address.port.unwrap_or(if address.scheme == "http" { 80 } else { 443 });
        self.scheme == other.scheme && self.host == other.host && port(self) == port(other)
    }

    /// Returns the path, without a `/` at its end.
    pub fn path(&self) -> &str {
        self.path.trim_end_matches('/')
    }

    /// Returns the address of `path` below this one.
    pub fn join(&self, path: &str) -> String {
        let (base, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let sign = match (query.is_empty(), path.contains('?')) {
            (true, _) => "",
            (false, true) => "&",
            (false, false) => "?",
        };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let rest = path.trim_start_matches('/');
        let slash = if rest.is_empty() || rest.starts_with('?') { "" } else { "/" };
        format!("{}://{}{port}{}{slash}{rest}{sign}{query}", self.scheme, self.host, base.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn only_https_and_this_machine_can_be_called() {
        for fine in ["https://api.example.com/v1", "http://127.0.0.1:8188", "http://localhost/x", "http://[::1]:80/"] {
            assert!(Address::parse(fine).is_ok(), "{fine}");
        }
        for (wrong, why) in [
            ("http://example.com", "plain `http` is for this machine only; another one is called by `https`"),
            ("http://127.0.0.1.example.com", "plain `http` is for this machine only; another one is called by `https`"),
            ("ftp://localhost", "it does not start with `https://`"),
            ("example.com", "it does not start with `https://`"),
            ("https://me:word@example.com", "a user name or password stands in it"),
            ("https://", "it names no host"),
            ("https://example.com:99999", "its port is no number up to 65535"),
            (
                "https://api.op\u{435}nai.com",
                "its host has signs that only look familiar: write it in its registered form, `xn--…`",
            ),
            ("https://example.com/a b", "a sign in it cannot stand in an address"),
        ] {
            assert_eq!(Address::parse(wrong), Err(why), "{wrong}");
        }
    }

    #[test]
    fn a_key_never_sees_a_port_or_this_machines_names() {
        assert_eq!(address("https://API.example.com:8443/v1").vendor(), "api.example.com");
        assert_eq!(address("http://127.0.0.1:4711").vendor(), "loopback");
        assert_eq!(address("http://[::1]:4711").vendor(), "loopback");
    }

    #[test]
    fn a_host_is_named_with_its_port_if_that_says_anything() {
        assert_eq!(address("https://API.example.com:443/v1").server(), "api.example.com");
        assert_eq!(address("https://api.example.com:8443").server(), "api.example.com:8443");
        assert_eq!(address("http://[::1]:80").server(), "[::1]");
    }

    #[test]
    fn a_path_is_put_below_the_base_and_never_beside_it() {
        let base = address("https://h.example/v1/");
        assert_eq!(base.join("/images"), "https://h.example/v1/images");
        assert_eq!(base.join("images?n=1"), "https://h.example/v1/images?n=1");
        assert_eq!(base.join(""), "https://h.example/v1");
        assert_eq!(base.join("//evil.example/x"), "https://h.example/v1/evil.example/x");
        let keyed = address("https://h.example/v1?version=2");
        assert_eq!(keyed.join("/a"), "https://h.example/v1/a?version=2");
        assert_eq!(keyed.join("/a?b=c"), "https://h.example/v1/a?b=c&version=2");
    }

    #[test]
    fn a_server_is_known_by_scheme_host_and_port() {
        assert!(address("https://h.example/a").is_same_server(&address("https://h.example:443/b")));
        assert!(!address("https://h.example/a").is_same_server(&address("https://h.example:444/a")));
        assert!(!address("http://localhost/a").is_same_server(&address("http://127.0.0.1/a")));
    }
}
