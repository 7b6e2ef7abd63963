//! The `ApiVersions` request: Kafka answers it once the broker has registered.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

const API_KEY: i16 = 18;
const API_VERSION: i16 = 0;
const CORRELATION_ID: i32 = 7;

/// Whether the broker answers without an error.
pub(super) fn answers(port: u16) -> io::Result<bool> {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(&request())?;
    let mut answer = [0; 10];
    stream.read_exact(&mut answer)?;
    // Four bytes of length, four of the correlation id, two of the error code.
    Ok(answer[4..8] == CORRELATION_ID.to_be_bytes() && answer[8..] == [0, 0])
}

fn request() -> Vec<u8> {
    let client = b"sandbox";
    let mut body = Vec::new();
    body.extend(API_KEY.to_be_bytes());
    body.extend(API_VERSION.to_be_bytes());
    body.extend(CORRELATION_ID.to_be_bytes());
    body.extend(i16::try_from(client.len()).unwrap_or(0).to_be_bytes());
    body.extend(client);
    let length = i32::try_from(body.len()).unwrap_or(0);
    [length.to_be_bytes().to_vec(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_begins_with_the_length_of_the_rest() {
        let request = request();
        assert_eq!(usize::from(request[3]), request.len() - 4);
    }
}
