//! Connections that break, that nobody takes, that lead elsewhere.

use super::client::{chat, openai};
use crate::fake::{Ending, Vendor, fault};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

#[test]
fn a_server_that_is_not_there_refuses_and_comes_back_on_its_port() {
    let vendor = Vendor::start();
    vendor.unplug();
    assert_eq!(chat(&vendor, "hello").try_send().unwrap_err().kind(), ErrorKind::ConnectionRefused);
    vendor.plug();
    chat(&vendor, "hello").tells(200);
    assert_eq!((vendor.connections(), vendor.charges()), (1, 1));
}

#[test]
fn a_reset_before_the_request_is_read_is_no_call() {
    let vendor = Vendor::start();
    vendor.script([fault::reset_unread(), fault::ok(), fault::reset_unread()]);
    assert_eq!(chat(&vendor, "hello").try_send().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((vendor.connections(), vendor.calls().len(), vendor.charges()), (1, 0, 0));
    chat(&vendor, "hello").tells(200);
    chat(&vendor, "hello").try_send().unwrap_err();
    assert_eq!((vendor.connections(), vendor.calls().len(), vendor.charges()), (3, 1, 1));
}

#[test]
fn a_kept_connection_can_be_reset_before_its_next_request() {
    let vendor = Vendor::start();
    let mut stream = TcpStream::connect(vendor.address()).unwrap();
    let mut ask = || {
        stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")?;
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"null}") {
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer)?;
            bytes.extend(&buffer[..count]);
            assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&bytes));
        }
        Ok::<usize, std::io::Error>(bytes.len())
    };
    assert!(ask().unwrap() > 100);
    assert!(ask().unwrap() > 100);
    vendor.script([fault::reset_unread()]);
    assert_eq!(ask().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((vendor.connections(), vendor.calls().len(), vendor.script_left()), (1, 2, 0));
}

#[test]
fn a_connection_that_ends_after_the_request_was_read_is_a_charge() {
    let vendor = Vendor::start();
    vendor.script([fault::reset(), fault::hang_up()]);
    assert_eq!(chat(&vendor, "hello").try_send().unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut bytes = Vec::new();
    chat(&vendor, "hello").begin().unwrap().read_to_end(&mut bytes).unwrap();
    assert!(bytes.is_empty(), "{}", String::from_utf8_lossy(&bytes));
    assert_eq!((vendor.calls().len(), vendor.charges()), (2, 2));
    assert!(vendor.calls().iter().all(|call| call.ending == Ending::Broken));
}

#[test]
fn an_answer_can_end_in_its_head_or_be_no_http() {
    let vendor = Vendor::start();
    vendor.script([fault::cut_in_head(), fault::not_http()]);
    for words in ["HTTP/1.1 200 OK\r\ncontent-ty", "SSH-2.0-OpenSSH_9.2\r\n"] {
        let mut text = String::new();
        chat(&vendor, "hello").begin().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, words);
    }
    assert_eq!(vendor.charges(), 2);
}

#[test]
fn silence_lasts_until_the_client_leaves() {
    let vendor = Vendor::start();
    vendor.script([fault::silence()]);
    let stream = chat(&vendor, "hello").begin().unwrap();
    vendor.wait_for_calls(1);
    assert_eq!((vendor.charges(), vendor.calls()[0].ending), (1, Ending::Open));
    drop(stream);
    vendor.wait_for_endings(Ending::Abandoned, 1);
    chat(&vendor, "hello").tells(200);
    assert_eq!(vendor.peak_in_flight(), 1);
}

#[test]
fn a_redirect_names_another_server_that_sees_who_follows() {
    let (vendor, other) = (Vendor::start(), Vendor::start());
    for status in [302, 307, 308] {
        vendor.script([fault::redirect(status, &other)]);
        let said = chat(&vendor, "hello").send();
        let to = other.url("/openai/v1/chat/completions");
        assert_eq!((said.status, said.header("location")), (status, Some(to.as_str())));
    }
    assert_eq!((vendor.charges(), other.connections()), (0, 0));
    // Who follows is seen.
    openai(&other, "/models").tells(200);
    assert_eq!((other.connections(), other.calls().len()), (1, 1));
}
