//! Every target over every input of its corpus.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{collections::BTreeSet, fs};

use linq_fuzz::TARGETS;

/// More is slow to replay, and nobody reads it.
const MOST: usize = 150;
const LARGEST: u64 = 4096;

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn stems(folder: &str) -> BTreeSet<String> {
    files(&here(folder)).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_input_passes() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let began = Instant::now();
        let inputs = files(&here("corpus").join(name));
        assert!(!inputs.is_empty() && inputs.len() <= MOST, "{name} has {} inputs", inputs.len());
        for path in &inputs {
            let input = fs::read(path).unwrap();
            assert!(input.len() as u64 <= LARGEST, "{} is too large", path.display());
            if catch_unwind(|| target(&input)).is_err() {
                broken.push(path.display().to_string());
            }
        }
        println!("{name}: {} inputs in {:.1} s", inputs.len(), began.elapsed().as_secs_f64());
    }
    assert!(broken.is_empty(), "these break a promise:\n{}", broken.join("\n"));
}

#[test]
fn every_target_is_complete() {
    let named: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems("fuzz_targets"), named);
    assert_eq!(stems("corpus"), named);
}
