//! The socket that open pages listen on while one develops: the server's half
//! of Leptos's reload script, a WebSocket (RFC 6455) on which the only message
//! is "reload".

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

/// What the script understands as: load the whole page again.
const MESSAGE: &[u8] = br#"{"all":true}"#;

/// The pages that are open now.
pub(super) struct Pages(Arc<Mutex<Vec<TcpStream>>>);

impl Pages {
    /// Accepts pages on a port of the loopback, in the background.
    pub(super) fn listen(port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is taken, and the reload socket needs it"))?;
        let pages = Arc::new(Mutex::new(Vec::new()));
        let accepted = Arc::clone(&pages);
        thread::spawn(move || {
            for page in listener.incoming().flatten() {
                // A page that does not speak WebSocket is not one of ours.
                if let Ok(page) = greet(page) {
                    accepted
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(page);
                }
            }
        });
        Ok(Self(pages))
    }

    /// Tells every page to reload and forgets them: they come again.
    pub(super) fn reload(&self) {
        let pages = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for mut page in pages {
            // A page that was closed meanwhile needs no reload.
            let _ = page.write_all(&text_frame(MESSAGE));
        }
    }
}

/// Answers the opening handshake.
fn greet(stream: TcpStream) -> Result<TcpStream> {
    let mut key = None;
    for line in BufReader::new(&stream).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("sec-websocket-key")
        {
            key = Some(value.trim().to_owned());
        }
    }
    let key = key.context("not a WebSocket request")?;
    let accept = accept(&key);
    (&stream).write_all(
        format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes(),
    )?;
    Ok(stream)
}

/// `Sec-WebSocket-Accept`, RFC 6455 section 4.2.2.
fn accept(key: &str) -> String {
    let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    BASE64_STANDARD.encode(digest)
}

/// One final, unmasked text frame of fewer than 126 bytes.
fn text_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81, payload.len() as u8];
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_handshake_is_the_one_of_the_standard() {
        assert_eq!(
            accept("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn an_open_page_is_told_to_reload() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut page = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        page.write_all(
            b"GET /live_reload HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
        let accepted = greet(listener.accept().unwrap().0).unwrap();
        let pages = Pages(Arc::new(Mutex::new(vec![accepted])));
        pages.reload();
        drop(pages);
        let mut received = Vec::new();
        page.read_to_end(&mut received).unwrap();
        assert!(received.starts_with(b"HTTP/1.1 101 "));
        assert!(received.ends_with(&text_frame(MESSAGE)));
    }
}
