//! Where a key may go: to its vendor's own host, to this machine, and to hosts that the user has trusted with it.
//!
//! A `base_url` of somebody else's Storyfile is the cheapest way to a key, so the service itself asks here before it reads
//! one: no way around it is left to whoever calls it.

use crate::base::address::Address;
use crate::storyfile::service::{Service, ServiceApi};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a host would be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disclosure {
    /// With its port if that is not the usual one.
    pub host: String,
    /// The variables that hold the secrets.
    pub variables: BTreeSet<String>,
}

/// The hosts that the user has trusted, for all services of a session.
#[derive(Debug, Default)]
pub struct Trust(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    /// The variables that each host may be told.
    hosts: BTreeMap<String, BTreeSet<String>>,
    /// Every host, for as long as the session lasts.
    is_for_all: bool,
}

/// Returns what a service is told though it is neither the vendor whose key that is nor this machine.
pub fn disclosure(service: &Service) -> Option<Disclosure> {
    let variables = service.variables();
    if variables.is_empty() || service.base.is_loopback() {
        return None;
    }
    let own = service.api.vendor_url().and_then(|url| Address::parse(url).ok());
    let is_vendor = own.is_some_and(|own| own.is_same_server(&service.base));
    let of_others =
        ServiceApi::VENDORS.into_iter().filter(|api| *api != service.api).filter_map(ServiceApi::key_variable);
    let is_anothers_key = of_others.into_iter().any(|variable| variables.contains(variable));
    (!is_vendor || is_anothers_key).then(|| Disclosure { host: service.base.server(), variables })
}

impl Trust {
    /// Trusts a host with the values of these variables, beside what it is trusted with already.
    pub fn allow(&self, disclosure: &Disclosure) {
        self.given().hosts.entry(disclosure.host.clone()).or_default().extend(disclosure.variables.iter().cloned());
    }

    /// Trusts every host with everything.
    pub fn allow_all(&self) {
        self.given().is_for_all = true;
    }

    /// Tells whether the host may be told all that.
    pub fn allows(&self, disclosure: &Disclosure) -> bool {
        let given = self.given();
        given.is_for_all
            || given.hosts.get(&disclosure.host).is_some_and(|trusted| disclosure.variables.is_subset(trusted))
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disclosure {
    /// Returns the variables as a person reads them: `` `A`, `B` and `C` ``.
    pub fn names(&self) -> String {
        let mut names: Vec<String> = self.variables.iter().map(|name| format!("`{name}`")).collect();
        match (names.pop(), names.is_empty()) {
            (Some(last), false) => format!("{} and {last}", names.join(", ")),
            (last, _) => last.unwrap_or_default(),
        }
    }
}

impl fmt::Display for Disclosure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} to `{}`", self.names(), self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyfile::service::{SecretPiece, SecretText};

    fn service(api: ServiceApi, base: &str, variables: &[&str]) -> Service {
        let text = |name: &&str| SecretText { pieces: vec![SecretPiece::Variable((*name).to_owned())] };
        let mut service = Service::at(api, Address::parse(base).unwrap());
        service.api_key = variables.first().map(text);
        service.headers = variables.iter().skip(1).map(|name| (format!("x-{name}"), text(name))).collect();
        service
    }

    fn told(api: ServiceApi, base: &str, variables: &[&str]) -> Option<String> {
        disclosure(&service(api, base, variables)).map(|disclosure| disclosure.to_string())
    }

    #[test]
    fn a_key_goes_freely_to_its_vendor_and_to_this_machine() {
        for (api, base, variables) in [
            (ServiceApi::OpenAi, "https://api.openai.com/v1", &["OPENAI_API_KEY"][..]),
            (ServiceApi::OpenAi, "https://api.openai.com:443/v2", &["MY_OWN"]),
            (ServiceApi::Anthropic, "http://127.0.0.1:8080", &["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]),
            (ServiceApi::Http, "http://localhost:1", &["X"]),
            (ServiceApi::Http, "https://anywhere.example", &[]),
        ] {
            assert_eq!(told(api, base, variables), None, "{base}");
        }
    }

    #[test]
    fn all_else_is_a_disclosure() {
        for (api, base, variables, words) in [
            (
                ServiceApi::OpenAi,
                "https://api.openai.com.evil.example",
                &["K"][..],
                "`K` to `api.openai.com.evil.example`",
            ),
            (ServiceApi::OpenAi, "https://api.openai.com:8443", &["K"], "`K` to `api.openai.com:8443`"),
            (ServiceApi::OpenAi, "https://api.openai.com./v1", &["K"], "`K` to `api.openai.com.`"),
            (ServiceApi::Http, "https://api.openai.com", &["K"], "`K` to `api.openai.com`"),
            // A vendor's key at another vendor's host, whichever of the two is the provider.
            (ServiceApi::OpenAi, "https://api.anthropic.com", &["K"], "`K` to `api.anthropic.com`"),
            (ServiceApi::OpenAi, "https://api.openai.com", &["GEMINI_API_KEY"], "`GEMINI_API_KEY` to `api.openai.com`"),
            (ServiceApi::Http, "https://a.example", &["B", "A", "C"], "`A`, `B` and `C` to `a.example`"),
        ] {
            assert_eq!(told(api, base, variables).as_deref(), Some(words));
        }
    }

    #[test]
    fn another_host_or_another_variable_is_not_what_was_trusted() {
        let disclosure = |host: &str, variables: &[&str]| Disclosure {
            host: host.to_owned(),
            variables: variables.iter().map(|name| (*name).to_owned()).collect(),
        };
        let trust = Trust::default();
        trust.allow(&disclosure("a.example", &["A", "B"]));
        assert!(trust.allows(&disclosure("a.example", &["A", "B"])) && trust.allows(&disclosure("a.example", &["A"])));
        assert!(!trust.allows(&disclosure("a.example", &["A", "C"])));
        assert!(
            !trust.allows(&disclosure("b.example", &["A"])) && !trust.allows(&disclosure("a.example:8443", &["A"]))
        );
        trust.allow_all();
        assert!(trust.allows(&disclosure("b.example", &["C"])));
    }
}
