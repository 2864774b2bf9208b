//! A small HTTP/1.1 client for the server under load: one kept connection,
//! whole answers, no TLS. It costs the processor little, because the server
//! shares it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

/// An answer slower than this means that the server hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kept connection.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    answer: Answer,
}

/// What the server answered last.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// All values of a header, whose name is given in lower case.
    pub(super) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// Connects to `host:port`.
    pub(super) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .with_context(|| format!("{address} does not accept a connection"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::with_capacity(64 << 10, stream),
            answer: Answer::default(),
        })
    }

    /// Sends a whole request and reads the whole answer.
    pub(super) fn send(&mut self, request: &[u8]) -> Result<&Answer> {
        self.stream.get_mut().write_all(request)?;
        self.read_head()?;
        self.read_body()?;
        Ok(&self.answer)
    }

    fn read_head(&mut self) -> Result<()> {
        let status_line = self.line()?;
        self.answer.status = status_line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| anyhow!("`{status_line}` is no HTTP status line"))?;
        self.answer.headers.clear();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(());
            }
            if let Some((name, value)) = line.split_once(':') {
                self.answer
                    .headers
                    .push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }

    fn read_body(&mut self) -> Result<()> {
        self.answer.body.clear();
        if matches!(self.answer.status, 204 | 304) {
            return Ok(());
        }
        if let Some(length) = self.answer.header("content-length") {
            let length: usize = length.parse().context("content-length is no number")?;
            return self.take(length);
        }
        if self.answer.header("transfer-encoding") != Some("chunked") {
            bail!("the answer tells no length");
        }
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16)
                .with_context(|| format!("`{line}` is no chunk size"))?;
            self.take(size)?;
            self.line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// Appends the next bytes to the body.
    fn take(&mut self, count: usize) -> Result<()> {
        let start = self.answer.body.len();
        self.answer.body.resize(start + count, 0);
        self.stream.read_exact(&mut self.answer.body[start..])?;
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the server closed the connection");
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

/// A request without a body.
pub(super) fn get(host: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request("GET", host, path, headers, "")
}

/// A request with a body, which may be empty.
pub(super) fn request(
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body);
    request.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Shutdown, TcpListener};
    use std::thread;

    fn answering(answers: &'static [u8]) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            stream.write_all(answers).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            // Closing with requests unread would reset the connection.
            std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        });
        Connection::open(&address).unwrap()
    }

    #[test]
    fn answers_follow_each_other_on_one_connection() {
        let mut connection = answering(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none\
              HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n2\r\ntw\r\n1\r\no\r\n0\r\n\r\n\
              HTTP/1.1 204 No Content\r\n\r\n",
        );
        let request = get("localhost", "/", &[]);
        assert_eq!(connection.send(&request).unwrap().body, b"one");
        let second = connection.send(&request).unwrap();
        assert_eq!(
            (second.body.as_slice(), second.header("x-a")),
            (b"two".as_slice(), Some("b"))
        );
        assert_eq!(connection.send(&request).unwrap().status, 204);
    }

    #[test]
    fn an_answer_cut_short_is_an_error() {
        let mut connection = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\none");
        assert!(connection.send(&get("localhost", "/", &[])).is_err());
    }
}
