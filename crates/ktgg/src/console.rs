//! Standard output.

/// Prints a line for people and pipes. A reader that closed the pipe is not an error.
pub(crate) fn print(line: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
