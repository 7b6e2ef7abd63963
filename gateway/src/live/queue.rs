//! The queue of one browser.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use tokio::sync::Notify;

/// For a browser that is further behind, fetching everything once is cheaper.
pub(super) const MAX_FRAMES: usize = 256;

#[derive(Default)]
pub(super) struct Queue {
    frames: Mutex<VecDeque<Bytes>>,
    pushed: Notify,
}

impl Queue {
    pub(super) fn frames(&self) -> MutexGuard<'_, VecDeque<Bytes>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never waits: a full queue is emptied, and its frames are replaced with one `resync`.
    pub(super) fn push(&self, frame: &Bytes, resync: impl FnOnce() -> Bytes) {
        let mut frames = self.frames();
        if frames.len() >= MAX_FRAMES {
            frames.clear();
            frames.push_back(resync());
        } else {
            frames.push_back(frame.clone());
        }
        drop(frames);
        self.pushed.notify_one();
    }

    /// Waits for frames, and takes all of them in one piece.
    pub(super) async fn pop_all(&self) -> Bytes {
        loop {
            let pushed = self.pushed.notified();
            let frames: Vec<Bytes> = self.frames().drain(..).collect();
            match frames.as_slice() {
                [] => pushed.await,
                [frame] => return frame.clone(),
                frames => return Bytes::from(frames.concat()),
            }
        }
    }
}
