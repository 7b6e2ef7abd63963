//! Progress output on stderr: a bar on a terminal, lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A longer step is announced before its end where no bar is drawn.
const MIN_ANNOUNCED_DURATION: Duration = Duration::from_secs(2);

const CLEAR_LINE: &str = "\r\x1b[2K";

/// Steps may overlap. Each is counted when it finishes.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Mutex<State>>);

/// A running step. [`Step::finish`] counts it; dropping it does not, since it has failed then and
/// the error is shown.
#[derive(Debug)]
pub struct Step {
    progress: Progress,
    id: u64,
}

#[derive(Debug)]
struct State {
    total: usize,
    finished: usize,
    style: Style,
    next_id: u64,
    running: Vec<RunningStep>,
}

#[derive(Debug)]
struct RunningStep {
    id: u64,
    name: String,
    activity: String,
    start: Instant,
    is_announced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// One line of a terminal is redrawn.
    Bar,
    /// Only whole lines, since another program (cargo) writes to stderr, too. `clear` removes the
    /// bar that the other program draws on a terminal.
    Lines {
        clear: bool,
    },
    Silent,
}

impl Progress {
    /// `is_shared` means that another program draws on the same terminal.
    pub fn new(total_steps: usize, is_shared: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let style = if is_terminal && !is_shared {
            Style::Bar
        } else {
            Style::Lines { clear: is_terminal }
        };
        Self::with_style(total_steps, style)
    }

    /// Without output.
    pub fn silent() -> Self {
        Self::with_style(0, Style::Silent)
    }

    fn with_style(total: usize, style: Style) -> Self {
        let state = Arc::new(Mutex::new(State {
            total,
            finished: 0,
            style,
            next_id: 0,
            running: Vec::new(),
        }));
        if style != Style::Silent {
            let weak = Arc::downgrade(&state);
            // The thread ends after the last `Progress` is dropped.
            thread::spawn(move || {
                while let Some(state) = weak.upgrade() {
                    lock(&state).tick();
                    drop(state);
                    thread::sleep(Duration::from_millis(100));
                }
            });
        }
        Self(state)
    }

    pub fn step(&self, name: &str, activity: &str) -> Step {
        let mut state = lock(&self.0);
        let id = state.next_id;
        state.next_id += 1;
        state.running.push(RunningStep {
            id,
            name: name.to_owned(),
            activity: activity.to_owned(),
            start: Instant::now(),
            is_announced: false,
        });
        Step {
            progress: self.clone(),
            id,
        }
    }

    /// Prints a line that does not belong to a step.
    pub fn print(&self, line: &str) {
        lock(&self.0).print(line);
    }
}

impl Step {
    /// Changes the activity that is shown for the step.
    pub fn update(&self, activity: &str) {
        let mut state = lock(&self.progress.0);
        if let Some(step) = state.running.iter_mut().find(|step| step.id == self.id) {
            activity.clone_into(&mut step.activity);
            step.is_announced = false;
        }
    }

    pub fn finish(self, outcome: &str) {
        let mut state = lock(&self.progress.0);
        if let Some(index) = state.running.iter().position(|step| step.id == self.id) {
            let step = state.running.remove(index);
            state.finished += 1;
            state.print(&state.finished_line(&step.name, outcome, step.start.elapsed()));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let mut state = lock(&self.progress.0);
        state.running.retain(|step| step.id != self.id);
        if state.style == Style::Bar {
            write(CLEAR_LINE);
        }
    }
}

impl State {
    fn print(&self, line: &str) {
        match self.style {
            Style::Silent => {}
            Style::Bar | Style::Lines { clear: true } => write(&format!("{CLEAR_LINE}{line}\n")),
            Style::Lines { clear: false } => write(&format!("{line}\n")),
        }
    }

    fn tick(&mut self) {
        if self.style == Style::Bar {
            if !self.running.is_empty() {
                write(&format!("{CLEAR_LINE}{}", self.bar()));
            }
            return;
        }
        let counter = self.counter();
        let mut lines = Vec::new();
        for step in &mut self.running {
            if !step.is_announced && step.start.elapsed() > MIN_ANNOUNCED_DURATION {
                step.is_announced = true;
                lines.push(format!("{counter} {}: {} …", step.name, step.activity));
            }
        }
        for line in lines {
            self.print(&line);
        }
    }

    fn finished_line(&self, name: &str, outcome: &str, duration: Duration) -> String {
        let (counter, duration) = (self.counter(), seconds(duration));
        format!("{counter} {name}: {outcome} … {duration}")
    }

    fn counter(&self) -> String {
        format!("[{}/{}]", self.finished, self.total)
    }

    fn bar(&self) -> String {
        const CELLS: usize = 10;
        // A line that is wider than the terminal cannot be cleared.
        const MAX_WIDTH: usize = 79;
        let full = (self.finished * CELLS).checked_div(self.total);
        let full = full.unwrap_or(0).min(CELLS);
        let steps = self.running.iter().map(|step| {
            let duration = seconds(step.start.elapsed());
            format!("{}: {} {duration}", step.name, step.activity)
        });
        let line = format!(
            "{} {}{} {}",
            self.counter(),
            "█".repeat(full),
            "░".repeat(CELLS - full),
            steps.collect::<Vec<_>>().join(" · ")
        );
        line.chars().take(MAX_WIDTH).collect()
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Ignores errors: the terminal may be closed.
fn write(text: &str) {
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

    fn state(total: usize, finished: usize, running: Vec<RunningStep>) -> State {
        State {
            total,
            finished,
            style: Style::Bar,
            next_id: 0,
            running,
        }
    }

    #[test]
    fn finished_line_contains_counter_outcome_and_duration() {
        let duration = Duration::from_millis(1_140);
        let line = state(5, 2, Vec::new()).finished_line("Postgres 17.5", "ready", duration);
        assert_eq!(line, "[2/5] Postgres 17.5: ready … 1.1 s");
    }

    #[test]
    fn bar_shows_finished_steps_and_fits_into_80_columns() {
        let step = RunningStep {
            id: 0,
            name: "Kafka".to_owned(),
            activity: "x".repeat(200),
            start: Instant::now(),
            is_announced: false,
        };
        let bar = state(5, 1, vec![step]).bar();
        assert!(bar.starts_with("[1/5] ██░░░░░░░░ Kafka: x"), "{bar}");
        assert_eq!(bar.chars().count(), 79);
    }

    #[test]
    fn dropped_step_is_not_counted() {
        let progress = Progress::silent();
        drop(progress.step("a", "b"));
        progress.step("c", "d").finish("e");
        let state = lock(&progress.0);
        assert_eq!(state.finished, 1);
        assert!(state.running.is_empty());
    }
}
