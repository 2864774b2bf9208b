//! How a statement's answer leaves: whole or while it is made, counted where
//! it is formatted, and its errors.

use bytes::{Bytes, BytesMut};
use futures::Stream;
use http::{HeaderValue, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;

use super::pool::Running;
use super::status::{code, status};
use super::worker::Summary;
use crate::protocol::{EXCEPTION_CODE, QUERY_ID, SUMMARY};

/// Bytes asked for at a time.
const CHUNK: usize = 256 * 1024;

/// A body of any kind.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A statement that runs: where its answer comes from, and how it ends.
pub(super) struct Answering {
    pub(super) running: Running,
    pub(super) output: Receiver,
    pub(super) ended: oneshot::Receiver<Result<Summary, String>>,
    /// Bytes the answer may have.
    pub(super) limit: Option<u64>,
    pub(super) id: String,
    pub(super) format: String,
}

impl Answering {
    /// The answer when it is whole, with what it took in its head.
    pub(super) async fn whole(mut self) -> Response<Body> {
        let mut body = BytesMut::new();
        loop {
            match self.more(&mut body).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return failed(&error),
            }
        }
        match self.end().await {
            Ok(summary) => {
                let length = body.len();
                let mut response = self.head(Full::new(body.freeze()));
                if let Ok(value) = HeaderValue::from_str(&summary_text(&summary, length)) {
                    response.headers_mut().insert(SUMMARY, value);
                }
                response
            }
            Err(error) => failed(&error),
        }
    }

    /// The answer as it is made. Its head goes out with its first bytes; an
    /// error after that ends the body in the middle, behind its text.
    pub(super) async fn streamed(mut self) -> Response<Body> {
        let mut first = BytesMut::new();
        match self.more(&mut first).await {
            Ok(true) => {}
            Ok(false) => {
                return match self.end().await {
                    Ok(_) => self.head(Full::new(first.freeze())),
                    Err(error) => failed(&error),
                };
            }
            Err(error) => return failed(&error),
        }
        let response = Response::builder();
        let (id, format) = (self.id.clone(), self.format.clone());
        let body = StreamBody::new(self.rest(first.freeze()));
        let response = response
            .body(BodyExt::boxed_unsync(body))
            .unwrap_or_default();
        with_head(response, &id, &format)
    }

    fn rest(self, first: Bytes) -> impl Stream<Item = Result<Frame<Bytes>, std::io::Error>> {
        enum State {
            First(Box<Answering>, Bytes),
            Running(Box<Answering>),
            Failed,
            Ended,
        }
        futures::stream::unfold(State::First(Box::new(self), first), |state| async move {
            match state {
                State::First(answering, first) => {
                    Some((Ok(Frame::data(first)), State::Running(answering)))
                }
                State::Running(mut answering) => {
                    let mut chunk = BytesMut::new();
                    let error = match answering.more(&mut chunk).await {
                        Ok(true) => {
                            let frame = Frame::data(chunk.freeze());
                            return Some((Ok(frame), State::Running(answering)));
                        }
                        Ok(false) => answering.end().await.err(),
                        Err(error) => Some(error),
                    };
                    let error = error?;
                    Some((Ok(Frame::data(Bytes::from(error))), State::Failed))
                }
                // So that no reader takes the half for the whole.
                State::Failed => Some((
                    Err(std::io::Error::other("the statement failed")),
                    State::Ended,
                )),
                State::Ended => None,
            }
        })
    }

    /// Reads what is there; false when nothing more comes.
    async fn more(&mut self, body: &mut BytesMut) -> Result<bool, String> {
        body.reserve(CHUNK.min(body.len().max(16 * 1024)));
        let read = self.output.read_buf(body).await;
        let read = read.map_err(|error| format!("the answer could not be read: {error}"))?;
        if let Some(limit) = &mut self.limit {
            match limit.checked_sub(read as u64) {
                Some(left) => *limit = left,
                None => {
                    self.running.cancel();
                    return Err(TOO_LARGE.to_owned());
                }
            }
        }
        Ok(read > 0)
    }

    async fn end(&mut self) -> Result<Summary, String> {
        (&mut self.ended)
            .await
            .unwrap_or_else(|_| Err("the engine is closed".to_owned()))
    }

    fn head(&self, body: Full<Bytes>) -> Response<Body> {
        let body = BodyExt::boxed_unsync(body.map_err(|never| match never {}));
        with_head(Response::new(body), &self.id, &self.format)
    }
}

/// ClickHouse's words for an answer beyond `max_result_bytes`.
const TOO_LARGE: &str = "Code: 396. DB::Exception: Limit for result exceeded, max bytes are reached while it was formatted. (TOO_MANY_ROWS_OR_BYTES)";

fn with_head(mut response: Response<Body>, id: &str, format: &str) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(format)),
    );
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(QUERY_ID, id);
    }
    response
}

/// An error as ClickHouse answers it: its text, code and status.
pub(super) fn failed(text: &str) -> Response<Body> {
    let code = code(text);
    let mut response = plain(format!("{}\n", text.trim_end()));
    *response.status_mut() = status(code);
    response
        .headers_mut()
        .insert(EXCEPTION_CODE, HeaderValue::from(code));
    response
}

/// A short text.
pub(super) fn plain(text: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(text.into()).map_err(|never| match never {});
    let mut response = Response::new(BodyExt::boxed_unsync(body));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=UTF-8"),
    );
    response
}

fn summary_text(summary: &Summary, length: usize) -> String {
    let statistics = &summary.statistics;
    format!(
        "{{\"read_rows\":\"{}\",\"read_bytes\":\"{}\",\"written_rows\":\"{}\",\"written_bytes\":\"0\",\
         \"total_rows_to_read\":\"0\",\"result_rows\":\"0\",\"result_bytes\":\"{length}\",\"elapsed_ns\":\"{:.0}\"}}",
        statistics.rows_read,
        statistics.bytes_read,
        summary.rows_written,
        statistics.elapsed * 1e9
    )
}

fn media_type(format: &str) -> &'static str {
    match format {
        "JSON" | "JSONCompact" | "JSONColumns" | "JSONStrings" => "application/json; charset=UTF-8",
        "JSONEachRow" | "JSONCompactEachRow" | "NDJSON" => "application/x-ndjson; charset=UTF-8",
        "CSV" | "CSVWithNames" => "text/csv; charset=UTF-8",
        "XML" => "application/xml; charset=UTF-8",
        "Native" | "RowBinary" | "Parquet" | "Arrow" => "application/octet-stream",
        "TabSeparated" | "TSV" | "TabSeparatedWithNames" | "TSVWithNames" => {
            "text/tab-separated-values; charset=UTF-8"
        }
        _ => "text/plain; charset=UTF-8",
    }
}
