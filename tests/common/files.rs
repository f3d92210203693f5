//! Files to upload.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that goes away again.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// So many bytes that begin as a JPEG does and are different everywhere.
pub fn jpeg(size: usize) -> Vec<u8> {
    const BLOCK: usize = 64 * 1024;
    let mut state = size as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut bytes = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00".to_vec();
    while bytes.len() < size.min(BLOCK) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    // The same block again and again, each with its place in front: none can stand for another.
    while bytes.len() < size {
        let place = (bytes.len() as u64).to_be_bytes();
        let block = BLOCK.min(size - bytes.len());
        let from = bytes.len();
        bytes.extend_from_within(..block);
        let stamp = place.len().min(block);
        bytes[from..from + stamp].copy_from_slice(&place[8 - stamp..]);
    }
    bytes
}

pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
