//! What a person sees while things start: a bar on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Written to stderr. Steps may overlap; they are counted as they end.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Mutex<State>>);

/// One step under way; ends when [`Step::done`] is called, and is forgotten when dropped (it failed, and the error says so).
#[derive(Debug)]
pub struct Step {
    progress: Progress,
    id: u64,
}

#[derive(Debug)]
struct State {
    total: usize,
    done: usize,
    look: Look,
    next_id: u64,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    id: u64,
    name: String,
    doing: String,
    since: Instant,
    announced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// A terminal of our own: one line is drawn again and again.
    Bar,
    /// Something else writes here too (cargo draws its own bar): whole lines only, `clear` wipes the other's bar first.
    Lines {
        clear: bool,
    },
    Silent,
}

/// A step that takes longer than this is named before its end where no bar is drawn.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

impl Progress {
    /// For so many steps. `shared` says that another program draws on the same terminal meanwhile.
    pub fn new(total: usize, shared: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        Self::with(
            total,
            if terminal && !shared {
                Look::Bar
            } else {
                Look::Lines { clear: terminal }
            },
        )
    }

    /// Says nothing, for tests.
    pub fn silent() -> Self {
        Self::with(0, Look::Silent)
    }

    fn with(total: usize, look: Look) -> Self {
        let state = State {
            total,
            done: 0,
            look,
            next_id: 0,
            open: Vec::new(),
        };
        let shared = Arc::new(Mutex::new(state));
        if look != Look::Silent {
            let weak = Arc::downgrade(&shared);
            // Ends with the last clone: nothing waits for it, and it holds nothing.
            thread::spawn(move || {
                while let Some(shared) = weak.upgrade() {
                    lock(&shared).tick();
                    drop(shared);
                    thread::sleep(Duration::from_millis(100));
                }
            });
        }
        Self(shared)
    }

    /// Begins a step: `name` is what it is about, `doing` what happens now.
    pub fn step(&self, name: &str, doing: &str) -> Step {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        state.open.push(Open {
            id,
            name: name.to_owned(),
            doing: doing.to_owned(),
            since: Instant::now(),
            announced: false,
        });
        Step {
            progress: self.clone(),
            id,
        }
    }

    /// A line that belongs to no step.
    pub fn say(&self, line: &str) {
        self.state().line(line);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl Step {
    /// What happens now within the same step.
    pub fn doing(&self, doing: &str) {
        let mut state = self.progress.state();
        if let Some(open) = state.open.iter_mut().find(|it| it.id == self.id) {
            doing.clone_into(&mut open.doing);
            open.announced = false;
        }
    }

    /// Ends the step; `outcome` takes the place of what happened last.
    pub fn done(self, outcome: &str) {
        let mut state = self.progress.state();
        if let Some(at) = state.open.iter().position(|it| it.id == self.id) {
            let open = state.open.remove(at);
            state.done += 1;
            let line = finished(
                state.done,
                state.total,
                &open.name,
                outcome,
                open.since.elapsed(),
            );
            state.line(&line);
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let mut state = self.progress.state();
        state.open.retain(|it| it.id != self.id);
        if state.look == Look::Bar {
            write("\r\x1b[2K");
        }
    }
}

impl State {
    fn line(&self, line: &str) {
        match self.look {
            Look::Silent => {}
            Look::Bar | Look::Lines { clear: true } => write(&format!("\r\x1b[2K{line}\n")),
            Look::Lines { clear: false } => write(&format!("{line}\n")),
        }
    }

    fn tick(&mut self) {
        if self.look == Look::Bar {
            if !self.open.is_empty() {
                write(&format!(
                    "\r\x1b[2K{}",
                    bar(self.done, self.total, &self.open)
                ));
            }
            return;
        }
        let (done, total) = (self.done, self.total);
        let mut lines = Vec::new();
        for open in self
            .open
            .iter_mut()
            .filter(|it| !it.announced && it.since.elapsed() > WORTH_A_LINE)
        {
            open.announced = true;
            lines.push(format!("[{done}/{total}] {}: {} …", open.name, open.doing));
        }
        for line in lines {
            self.line(&line);
        }
    }
}

fn finished(done: usize, total: usize, name: &str, outcome: &str, took: Duration) -> String {
    format!(
        "[{done}/{total}] {name}: {outcome} … {:.1} s",
        took.as_secs_f64()
    )
}

fn bar(done: usize, total: usize, open: &[Open]) -> String {
    const CELLS: usize = 10;
    let full = (done * CELLS).checked_div(total).unwrap_or(0).min(CELLS);
    let names: Vec<String> = open
        .iter()
        .map(|it| {
            format!(
                "{}: {} {:.1} s",
                it.name,
                it.doing,
                it.since.elapsed().as_secs_f64()
            )
        })
        .collect();
    let line = format!(
        "[{done}/{total}] {}{} {}",
        "█".repeat(full),
        "░".repeat(CELLS - full),
        names.join(" · ")
    );
    // A line longer than the terminal could not be wiped again.
    line.chars().take(79).collect()
}

fn write(text: &str) {
    // The terminal may be gone by now; what is being started matters more than what is said about it.
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_step_tells_its_place_its_outcome_and_its_time() {
        let line = finished(2, 5, "Postgres 17.5", "ready", Duration::from_millis(1_140));
        assert_eq!(line, "[2/5] Postgres 17.5: ready … 1.1 s");
    }

    #[test]
    fn a_bar_is_as_full_as_steps_are_done_and_never_wider_than_a_terminal() {
        let open = Open {
            id: 0,
            name: "Kafka".to_owned(),
            doing: "x".repeat(200),
            since: Instant::now(),
            announced: false,
        };
        let bar = bar(1, 5, &[open]);
        assert!(bar.starts_with("[1/5] ██░░░░░░░░ Kafka: x"), "{bar}");
        assert_eq!(bar.chars().count(), 79);
    }

    #[test]
    fn a_step_that_is_dropped_is_not_counted() {
        let progress = Progress::silent();
        drop(progress.step("a", "b"));
        progress.step("c", "d").done("e");
        assert_eq!(progress.state().done, 1);
        assert!(progress.state().open.is_empty());
    }
}
