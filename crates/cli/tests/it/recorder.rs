//! A server on a raw socket that records what it is sent, byte for byte, and answers what the test says.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// What is sent back: a status line's code, extra header lines, and a JSON body.
pub(crate) struct Answer {
    /// 0 for no answer at all: the connection ends.
    pub(crate) status: u16,
    pub(crate) headers: &'static str,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) const fn none() -> Self {
        Self {
            status: 0,
            headers: "",
            body: String::new(),
        }
    }

    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: "",
            body: body.into(),
        }
    }
}

/// A running server; it stops when dropped.
pub(crate) struct Recorder {
    url: String,
    seen: Arc<Mutex<Vec<Recorded>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The head of a request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
}

impl Recorder {
    /// Answers each request by its method.
    pub(crate) fn start(answer: impl Fn(&str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let stopped = Arc::<AtomicBool>::default();
        let thread = thread::spawn({
            let (seen, stopped) = (Arc::clone(&seen), Arc::clone(&stopped));
            move || {
                for stream in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    serve(stream.unwrap(), &seen, &answer);
                }
            }
        });
        Self {
            url,
            seen,
            stopped,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn seen(&self) -> Vec<Recorded> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen()
            .into_iter()
            .map(|request| request.line)
            .collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread, which then sees that it is to stop.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Recorded>>, answer: &dyn Fn(&str) -> Answer) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    for line in reader.by_ref().lines() {
        match line.unwrap() {
            end if end.is_empty() => break,
            line => head.push(line),
        }
    }
    let [line, headers @ ..] = head.as_slice() else {
        return;
    };
    let method = line.split(' ').next().unwrap().to_owned();
    seen.lock().unwrap().push(Recorded {
        line: line.clone(),
        headers: headers.to_vec(),
    });
    let Answer {
        status,
        headers,
        body,
    } = answer(&method);
    if status == 0 {
        return;
    }
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} Recorded\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
}
