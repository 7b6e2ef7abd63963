//! Minimal clients of both wire protocols, so that the sandbox needs no client library.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

pub(crate) const CREATED: i16 = 0;
pub(crate) const ALREADY_EXISTS: i16 = 36;

/// Runs a simple query and returns the first column of its rows.
pub(crate) fn query(url: &str, sql: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(address(url)).expect("Postgres accepts connections");
    let mut startup = 196_608_u32.to_be_bytes().to_vec();
    startup.extend(b"user\0postgres\0database\0postgres\0\0");
    stream.write_all(&with_length(&startup)).expect("it reads");
    until_ready(&mut stream);
    let mut text = sql.as_bytes().to_vec();
    text.push(0);
    stream
        .write_all(&[b"Q".to_vec(), with_length(&text)].concat())
        .expect("it reads");
    until_ready(&mut stream)
}

pub(crate) fn is_open(url: &str) -> bool {
    TcpStream::connect(address(url)).is_ok()
}

/// Creates a topic and returns the error code (`CreateTopics`, version 2).
pub(crate) fn create_topic(address: &str, name: &str, partitions: i32) -> i16 {
    let mut body = Vec::new();
    body.extend(19_i16.to_be_bytes());
    body.extend(2_i16.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    body.extend(string("test"));
    body.extend(1_i32.to_be_bytes());
    body.extend(string(name));
    body.extend(partitions.to_be_bytes());
    body.extend(1_i16.to_be_bytes());
    // No assignments and no settings; a timeout of ten seconds; not `validate_only`.
    body.extend(0_i32.to_be_bytes());
    body.extend(0_i32.to_be_bytes());
    body.extend(10_000_i32.to_be_bytes());
    body.push(0);
    let length = u32::try_from(body.len()).expect("the length fits");
    let mut stream = TcpStream::connect(address).expect("Kafka accepts connections");
    stream
        .write_all(&[length.to_be_bytes().to_vec(), body].concat())
        .expect("it reads");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("it answers");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("it answers in full");
    // Correlation id, throttle time, number of topics, length of the name, name, error code.
    let offset = 4 + 4 + 4 + 2 + name.len();
    i16::from_be_bytes([answer[offset], answer[offset + 1]])
}

fn string(text: &str) -> Vec<u8> {
    let length = i16::try_from(text.len()).expect("the length fits");
    [length.to_be_bytes().to_vec(), text.as_bytes().to_vec()].concat()
}

fn address(url: &str) -> &str {
    url.trim_start_matches("postgres://postgres@")
        .trim_end_matches("/postgres")
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("the length fits");
    [length.to_be_bytes().to_vec(), body.to_vec()].concat()
}

fn until_ready(stream: &mut TcpStream) -> Vec<String> {
    let mut rows = Vec::new();
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).expect("Postgres answers");
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length - 4];
        stream
            .read_exact(&mut body)
            .expect("Postgres answers in full");
        match head[0] {
            // DataRow: the number of columns, then the length and the text of each.
            b'D' => {
                let length = u32::from_be_bytes([body[2], body[3], body[4], body[5]]) as usize;
                rows.push(String::from_utf8_lossy(&body[6..6 + length]).into_owned());
            }
            b'E' => panic!("Postgres refused: {}", String::from_utf8_lossy(&body)),
            b'Z' => return rows,
            _ => {}
        }
    }
}
