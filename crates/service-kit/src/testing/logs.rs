//! Captured logs.

use std::io;
use std::sync::{Arc, Mutex};

/// Captures the logs of the test's thread, at all levels. The test needs a single-threaded runtime.
pub struct Logs {
    written: Arc<Mutex<Vec<u8>>>,
    _until_dropped: tracing::subscriber::DefaultGuard,
}

impl Logs {
    /// Starts to capture.
    pub fn capture() -> Self {
        let written = Arc::new(Mutex::new(Vec::new()));
        let lines = Lines(written.clone());
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .finish();
        Self {
            written,
            _until_dropped: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The lines so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }
}

#[derive(Clone)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
