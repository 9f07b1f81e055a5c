//! Disks that are easily full.

use std::path::PathBuf;
use std::process::Command;

/// An in-memory file system of a fixed size. Only root can mount one. It is unmounted when it is dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts a file system of some KiB at a folder. Returns `None` without the permission.
    pub fn mount(at: PathBuf, kib: usize) -> Option<SmallDisk> {
        std::fs::create_dir_all(&at).unwrap();
        let size = format!("size={kib}k");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(SmallDisk(at))
    }

    /// Changes the size of the file system.
    pub fn resize(&self, kib: usize) {
        let size = format!("remount,size={kib}k");
        let mount = Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap();
        assert!(mount.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
