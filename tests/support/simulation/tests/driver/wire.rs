use std::io::{Read, Write};
use std::net::TcpStream;

use eventlog_simulation::Settings;
use mongodb::bson::{Document, RawDocumentBuf, doc};

use crate::start;

/// Older drivers begin with an OP_QUERY.
#[test]
fn legacy_hello_gets_a_reply() {
    let simulation = start(Settings::default());
    let hello = RawDocumentBuf::try_from(&doc! { "isMaster": 1, "helloOk": true }).expect("a command");
    let body = [&[0; 4][..], b"admin.$cmd\0", &[0; 4], &(-1_i32).to_le_bytes(), hello.as_bytes()].concat();
    let header = [16 + body.len() as i32, 7, 0, 2004].map(i32::to_le_bytes);
    let mut stream = TcpStream::connect(("127.0.0.1", simulation.port())).expect("a connection");
    stream.write_all(&[header.as_flattened(), &body].concat()).expect("sent");

    let mut header = [0; 36];
    stream.read_exact(&mut header).expect("a header");
    let field = |at| i32::from_le_bytes(*header[at..].first_chunk().expect("a field"));
    assert_eq!((field(8), field(12), field(32)), (7, 1, 1), "to this request, OP_REPLY, one document");
    let mut reply = vec![0; field(0) as usize - header.len()];
    stream.read_exact(&mut reply).expect("a document");
    let reply = Document::try_from(RawDocumentBuf::from_bytes(reply).expect("a document")).expect("BSON");
    assert_eq!(reply.get_bool("ismaster").ok(), Some(true), "{reply}");
    assert_eq!(reply.get_i32("maxWireVersion").ok(), Some(21), "{reply}");
}
