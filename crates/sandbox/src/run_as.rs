//! The user that the servers run as: Postgres refuses to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

/// The user of child processes if this process runs as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunAs {
    uid: u32,
    gid: u32,
}

impl RunAs {
    /// The system user `nobody` for root; `None` for other users, whose children run as they do.
    pub(crate) fn unprivileged_if_root() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        let user = user_nobody(&passwd)
            .context("Postgres does not run as root, and there is no user `nobody` to run it as")?;
        Ok(Some(user))
    }

    /// For root, the owner of existing data, so that a folder created by another user keeps
    /// working for that user.
    pub(crate) fn for_data(folders: &[PathBuf]) -> Result<Option<Self>> {
        let Some(unprivileged) = Self::unprivileged_if_root()? else {
            return Ok(None);
        };
        let owner = folders
            .iter()
            .filter_map(|folder| fs::metadata(folder).ok())
            .find(|metadata| metadata.uid() != 0)
            .map(|metadata| Self {
                uid: metadata.uid(),
                gid: metadata.gid(),
            });
        Ok(Some(owner.unwrap_or(unprivileged)))
    }

    pub(crate) fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    pub(crate) fn make_owner(self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("cannot change the owner of {}", path.display()))
    }

    pub(crate) fn can_access(self, path: &Path) -> bool {
        self.first_inaccessible(path).is_none()
    }

    /// The first existing ancestor of the path, or the path itself, that this user cannot enter.
    /// A process of that user tries it, since file modes do not decide alone (ACLs, mounts).
    pub(crate) fn first_inaccessible(self, path: &Path) -> Option<PathBuf> {
        let mut ancestors: Vec<&Path> = path.ancestors().filter(|path| path.exists()).collect();
        ancestors.reverse();
        let mut probe = Command::new("/bin/sh");
        probe
            // The working directory of this process may be inaccessible to that user.
            .current_dir("/")
            .args([
                "-c",
                "for path do [ -x \"$path\" ] || { echo \"$path\"; exit 1; }; done",
                "sh",
            ])
            .args(ancestors)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        self.apply(&mut probe);
        let output = probe.output().ok()?;
        let path = String::from_utf8_lossy(&output.stdout);
        (!output.status.success()).then(|| PathBuf::from(path.trim()))
    }
}

fn user_nobody(passwd: &str) -> Option<RunAs> {
    let line = passwd
        .lines()
        .find_map(|line| line.strip_prefix("nobody:"))?;
    let mut ids = line.split(':').skip(1);
    // macOS writes -2, which is an unsigned 32-bit number to the kernel.
    let mut next_id = || -> Option<u32> {
        let id: i64 = ids.next()?.parse().ok()?;
        u32::try_from(id & 0xffff_ffff).ok()
    };
    Some(RunAs {
        uid: next_id()?,
        gid: next_id()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_nobody_is_found_by_name_even_with_negative_ids() {
        let debian = "root:x:0:0:root:/root:/bin/sh\n\
                      nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(
            user_nobody(debian),
            Some(RunAs {
                uid: 65534,
                gid: 65533
            })
        );
        let mac = "nobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false\n";
        assert_eq!(
            user_nobody(mac),
            Some(RunAs {
                uid: 4_294_967_294,
                gid: 4_294_967_294
            })
        );
        assert_eq!(user_nobody("root:x:0:0::/:/bin/sh"), None);
    }
}
