//! Postgres refuses to run as root; as root, what this crate starts runs as somebody else.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

/// The user that children run as when this process is root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunAs {
    uid: u32,
    gid: u32,
}

impl RunAs {
    /// `None` for everybody but root: then children run as whoever started us.
    pub(crate) fn nobody_if_root() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        nobody_of(&passwd)
            .map(Some)
            .context("as root, Postgres needs a user `nobody` to run as, and there is none")
    }

    /// Who owns these data already, when that is not root, so that a folder made without root goes on working with it.
    pub(crate) fn for_data(folders: &[PathBuf]) -> Result<Option<Self>> {
        let Some(nobody) = Self::nobody_if_root()? else {
            return Ok(None);
        };
        let owner = folders
            .iter()
            .filter_map(|it| fs::metadata(it).ok())
            .find(|it| it.uid() != 0);
        Ok(Some(owner.map_or(nobody, |it| Self {
            uid: it.uid(),
            gid: it.gid(),
        })))
    }

    pub(crate) fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    pub(crate) fn own(self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("cannot give {} away", path.display()))
    }

    pub(crate) fn reaches(self, path: &Path) -> bool {
        self.blocked_at(path).is_none()
    }

    /// The first of the path's ancestors (or itself) that this user may not enter; those that do not exist yet are passed over.
    /// It is tried rather than computed, because modes are not all that decides.
    pub(crate) fn blocked_at(self, path: &Path) -> Option<PathBuf> {
        let mut steps: Vec<&Path> = path.ancestors().filter(|it| it.exists()).collect();
        steps.reverse();
        let mut probe = Command::new("/bin/sh");
        // An own working directory: the caller's may be what cannot be entered.
        probe
            .current_dir("/")
            .args([
                "-c",
                "for it do [ -x \"$it\" ] || { echo \"$it\"; exit 1; }; done",
                "sh",
            ])
            .args(steps);
        self.apply(&mut probe);
        let output = probe
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        if output.status.success() {
            return None;
        }
        Some(PathBuf::from(
            String::from_utf8_lossy(&output.stdout).trim(),
        ))
    }
}

fn nobody_of(passwd: &str) -> Option<RunAs> {
    let line = passwd.lines().find_map(|it| it.strip_prefix("nobody:"))?;
    let mut ids = line.split(':').skip(1);
    // macOS writes -2, which the system means as an unsigned number.
    let mut id = || {
        ids.next()?
            .parse::<i64>()
            .ok()
            .map(|it| u32::try_from(it & 0xffff_ffff).unwrap_or(u32::MAX))
    };
    Some(RunAs {
        uid: id()?,
        gid: id()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_found_by_name_and_may_have_a_negative_id() {
        let debian = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(
            nobody_of(debian),
            Some(RunAs {
                uid: 65534,
                gid: 65533
            })
        );
        let mac = "nobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false\n";
        assert_eq!(
            nobody_of(mac),
            Some(RunAs {
                uid: 4_294_967_294,
                gid: 4_294_967_294
            })
        );
        assert_eq!(nobody_of("root:x:0:0::/:/bin/sh"), None);
    }
}
