//! Captured logs.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// Captures the logs of the test's thread, at all levels, in the formats of
/// [`telemetry`](crate::telemetry). The test needs a single-threaded runtime, whose spawned tasks
/// are captured, too.
pub struct Logs {
    written: Buffer,
    _until_dropped: DefaultGuard,
}

impl Logs {
    /// Captures text.
    pub fn capture() -> Self {
        Self::start(false, Level::TRACE)
    }

    /// Captures one JSON object per line.
    pub fn capture_json() -> Self {
        Self::start(true, Level::TRACE)
    }

    /// Captures one JSON object per line, without debug and trace messages.
    pub(super) fn capture_json_info() -> Self {
        Self::start(true, Level::INFO)
    }

    fn start(is_json: bool, level: Level) -> Self {
        let written = Buffer::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || writer.clone());
        Self {
            written,
            _until_dropped: if is_json {
                tracing::subscriber::set_default(subscriber.json().finish())
            } else {
                tracing::subscriber::set_default(subscriber.finish())
            },
        }
    }

    /// All that was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.0.lock().unwrap()).into_owned()
    }

    /// All that was logged since the last call.
    pub fn take(&self) -> String {
        let taken = std::mem::take(&mut *self.written.0.lock().unwrap());
        String::from_utf8_lossy(&taken).into_owned()
    }

    /// The lines with this text.
    pub fn lines_with(&self, text: &str) -> Vec<String> {
        let logged = self.text();
        let lines = logged.lines().filter(|line| line.contains(text));
        lines.map(str::to_owned).collect()
    }
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
