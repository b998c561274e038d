//! The initiation of a replica set with one member, without a driver.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// Initiates a replica set with a new mongod as its only member, and waits until that is the primary.
///
/// `host` is the address by which the mongod reaches itself. The name of the set must be unique: it distinguishes
/// this mongod from that of another test which got the same port.
pub(super) fn initiate(port: u16, host: &str, set: &str, timeout: Duration) -> Result<(), String> {
    let hello = document(&[int("hello", 1), string("$db", "admin")]);
    let member = document(&[int("_id", 0), string("host", host)]);
    let members = element(ARRAY, "members", &document(&[element(DOCUMENT, "0", &member)]));
    let config = element(DOCUMENT, "replSetInitiate", &document(&[string("_id", set), members]));
    let initiate = document(&[config, string("$db", "admin")]);
    let ready = [string("setName", set), element(BOOLEAN, "isWritablePrimary", &[1])];

    let deadline = Instant::now() + timeout;
    loop {
        // An initiated set refuses a second initiation, so each attempt is safe.
        let reply = match run_command(port, &hello) {
            Ok(reply) if ready.iter().all(|part| contains(&reply, part)) => return Ok(()),
            Ok(_) => run_command(port, &initiate),
            Err(error) => Err(error),
        };
        if Instant::now() > deadline {
            let last = reply.map_or_else(|error| error.to_string(), |reply| error_message(&reply));
            return Err(format!("not primary after {} s: {last}", timeout.as_secs()));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

// The required parts of BSON (bsonspec.org) and of OP_MSG (MongoDB manual, "MongoDB Wire Protocol").

const STRING: u8 = 0x02;
const DOCUMENT: u8 = 0x03;
const ARRAY: u8 = 0x04;
const BOOLEAN: u8 = 0x08;
const INT: u8 = 0x10;
const OP_MSG: u32 = 2013;

fn document(elements: &[Vec<u8>]) -> Vec<u8> {
    let content = elements.concat();
    [&(content.len() as u32 + 5).to_le_bytes(), content.as_slice(), &[0]].concat()
}

fn element(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], name.as_bytes(), &[0], value].concat()
}

fn int(name: &str, value: i32) -> Vec<u8> {
    element(INT, name, &value.to_le_bytes())
}

fn string(name: &str, value: &str) -> Vec<u8> {
    let length = value.len() as u32 + 1;
    element(STRING, name, &[&length.to_le_bytes(), value.as_bytes(), &[0]].concat())
}

/// Sends a command and returns the bytes of the reply after its length.
fn run_command(port: u16, command: &[u8]) -> io::Result<Vec<u8>> {
    let (request_id, response_to, flags) = (1, 0, 0);
    let header = [command.len() as u32 + 21, request_id, response_to, OP_MSG, flags].map(u32::to_le_bytes);
    let body_follows = [0];
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    server.set_read_timeout(Some(Duration::from_secs(10)))?;
    server.write_all(&[header.as_flattened(), &body_follows, command].concat())?;

    let mut length = [0; 4];
    server.read_exact(&mut length)?;
    let mut reply = Vec::new();
    server.take(u64::from(u32::from_le_bytes(length)).saturating_sub(4)).read_to_end(&mut reply)?;
    Ok(reply)
}

fn contains(reply: &[u8], part: &[u8]) -> bool {
    reply.windows(part.len()).any(|window| window == part)
}

/// Returns the error message of a reply.
fn error_message(reply: &[u8]) -> String {
    let name = b"\x02errmsg\0";
    // Four bytes of length separate the name from the text.
    let start = reply.windows(name.len()).position(|window| window == name).map(|at| at + name.len() + 4);
    let message = start.and_then(|start| reply.get(start..)?.split(|&byte| byte == 0).next());
    message.map_or_else(|| "no error".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_matches_the_example_of_the_bson_specification() {
        let hello_world = b"\x16\x00\x00\x00\x02hello\x00\x06\x00\x00\x00world\x00\x00";
        assert_eq!(document(&[string("hello", "world")]), hello_world);
    }
}
