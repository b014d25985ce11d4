//! Which disks are another machine's: their locks and syncs are not to be relied on.

use std::path::Path;

#[cfg(target_os = "linux")]
use crate::error::storage;
use crate::error::{Error, ErrorKind};

/// Refuses files on another machine's disk.
pub(super) fn refuse(path: &Path) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    {
        let stat = rustix::fs::statfs(path)
            .map_err(|error| storage(&format!("look at {}", path.display()), error.into()))?;
        // The field's width and sign differ between architectures.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::unnecessary_cast,
            reason = "the numbers have 32 bits everywhere"
        )]
        let name = network(stat.f_type as u32).map(str::to_owned);
        if let Some(name) = name.or_else(|| mounted(path)) {
            let message = format!(
                "{} is on a network file system ({name}), where a job could be damaged: put it on a local disk",
                path.display()
            );
            return Err(Error::new(ErrorKind::NetworkFileSystem, message));
        }
    }
    let _ = path;
    Ok(())
}

/// The name of a file system that is another machine's, by its number in `statfs(2)`.
#[cfg(any(target_os = "linux", test))]
fn network(number: u32) -> Option<&'static str> {
    Some(match number {
        0x6969 => "NFS",
        0x517b => "SMB",
        0xfe53_4d42 => "SMB2",
        0xff53_4d42 => "CIFS",
        0x0102_1997 => "9P",
        0x00c3_6400 => "Ceph",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x0bd0_0bd0 => "Lustre",
        0x0116_1970 => "GFS2",
        0x7461_636f => "OCFS2",
        0x564c => "NCP",
        0x1983_0326 => "BeeGFS",
        0x4750_4653 => "GPFS",
        0x786f_4256 => "a virtual machine's shared folder",
        _ => return None,
    })
}

/// The kind of what is mounted where the path leads, if that is another machine's though its number does not tell: many
/// that run as a program of their own (FUSE) share one number.
#[cfg(target_os = "linux")]
fn mounted(path: &Path) -> Option<String> {
    let path = std::fs::canonicalize(path).ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    remote(&mounts, path.to_str()?)
}

/// The same, from the list of mounts, a line each: `36 35 98:0 / /mnt rw - ext4 /dev/sda rw`.
#[cfg(any(target_os = "linux", test))]
fn remote(mounts: &str, path: &str) -> Option<String> {
    const REMOTE: &[&str] = &[
        "sshfs",
        "rclone",
        "s3fs",
        "gcsfuse",
        "glusterfs",
        "davfs",
        "davfs2",
        "curlftpfs",
        "goofys",
        "juicefs",
        "mfs",
    ];
    let of_mount = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let place = place.split(' ').nth(4)?.replace("\\040", " ");
        let kind = kind.split(' ').next()?.to_owned();
        let below = path.strip_prefix(place.trim_end_matches('/'))?;
        (below.is_empty() || below.starts_with('/')).then_some((place.len(), kind))
    };
    // The last of those that lie deepest is the one that is seen.
    let (_, kind) = mounts
        .lines()
        .filter_map(of_mount)
        .max_by_key(|(depth, _)| *depth)?;
    let name = kind.strip_prefix("fuse.").unwrap_or(&kind);
    REMOTE.contains(&name).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_other_machines_are_known() {
        assert_eq!(network(0x6969), Some("NFS"));
        assert_eq!(network(0xff53_4d42), Some("CIFS"));
        // ext4, tmpfs, overlayfs, btrfs
        for local in [0xef53, 0x0102_1994, 0x794c_7630, 0x9123_683e] {
            assert_eq!(network(local), None);
        }
    }

    #[test]
    fn programs_that_reach_other_machines_are_known_by_their_mounts() {
        let mounts = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
            40 22 0:41 / /mnt/far rw - fuse.sshfs olga@host:/ rw\n\
            41 40 0:42 / /mnt/far/near rw - tmpfs tmpfs rw\n\
            42 22 0:43 / /mnt/a\\040b rw - fuse.rclone remote: rw\n\
            43 22 0:44 / /mnt/usb rw - fuseblk /dev/sdb1 rw\n";
        for (path, expected) in [
            ("/home/job.db", None),
            ("/mnt/far/job.db", Some("fuse.sshfs")),
            ("/mnt/far", Some("fuse.sshfs")),
            ("/mnt/farther/job.db", None),
            ("/mnt/far/near/job.db", None),
            ("/mnt/a b/job.db", Some("fuse.rclone")),
            ("/mnt/usb/job.db", None),
        ] {
            assert_eq!(remote(mounts, path).as_deref(), expected, "{path}");
        }
    }
}
