//! The lock of a data folder. The lock file says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

/// Locks the folder until the returned file is closed.
pub(super) fn lock(folder: &Path, holder: &str) -> Result<File> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| {
            format!(
                "cannot open {}. If another user created the folder, choose another one with \
                 `--data`",
                path.display()
            )
        })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            bail!(
                "{} is held {}. Stop that process, or choose another folder with `--data`.",
                folder.display(),
                describe_holder(&text, unix_time())
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}\n{}\n{holder}\n", std::process::id(), unix_time())?;
    Ok(file)
}

/// Turns the text of a lock file into "by process 12 (cargo xtask up), for 3 min".
fn describe_holder(text: &str, now: u64) -> String {
    let mut lines = text.lines();
    let (Some(pid), Some(since), Some(holder)) = (lines.next(), lines.next(), lines.next()) else {
        return String::from("by another process");
    };
    let seconds = now.saturating_sub(since.parse().unwrap_or(now));
    let duration = match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    };
    format!("by process {pid} ({holder}), for {duration}")
}

fn unix_time() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |duration| duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holder_is_described_by_process_name_and_duration() {
        assert_eq!(
            describe_holder("12\n1000\ncargo xtask up\n", 1_185),
            "by process 12 (cargo xtask up), for 3 min"
        );
        assert_eq!(
            describe_holder("12\n1000\nx\n", 1_005),
            "by process 12 (x), for 5 s"
        );
        assert_eq!(
            describe_holder("12\n1000\nx\n", 90_000),
            "by process 12 (x), for 24 h"
        );
        assert_eq!(describe_holder("", 5), "by another process");
    }
}
