//! No cycles in the imports: draws which source file uses which, and fails where files use one another in a cycle.
//!
//! A file uses another where a path in its code leads to something that the other defines. A path through a re-export
//! leads to the definition, and the re-export itself does not count. A file that declares a module uses the module's
//! file, so nothing below it may use what it defines. Code under `cfg(test)` does not count.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use source::{Modules, Segments, child, read_file};

/// By file: the files it uses, and the paths that lead there.
type Graph = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

#[test]
fn the_library_has_no_cycle() {
    assert_no_cycle("src", "lib.rs", 50);
}

#[test]
fn the_sandbox_has_no_cycle() {
    assert_no_cycle("sandbox/src", "main.rs", 20);
}

#[test]
fn cycles_are_found() {
    let c = ("c.rs", "pub use crate::a::A; use crate::a::f; fn h() {}");
    for (a, b, expected) in [
        ("use crate::b::{self, B};", "fn f() { crate::a::g::<u8>() }", "a.rs, b.rs"),
        ("use super::b; fn f() { b::g() }", "use super::{c, a::A as Other};", "a.rs, b.rs"),
        ("fn f() { println!(\"{}\", crate::b::g()) }", "mod inner { use crate::c::h; }", "a.rs, b.rs, c.rs"),
        ("use crate::b::B;", "use crate::c::A;", "a.rs, b.rs"),
        ("use crate::c::A;", "const START: fn() = crate::start;", "b.rs, main.rs"),
    ] {
        let found = cycles_of("mod a; mod b; mod c; use crate::a::A;", &[("a.rs", a), ("b.rs", b), c]);
        assert_eq!(found, [expected], "{a} {b}");
    }
    let found = cycles_of("mod a;", &[("a/mod.rs", "mod b; struct S;"), ("a/b.rs", "use super::S;")]);
    assert_eq!(found, ["a/b.rs, a/mod.rs"]);
}

#[test]
fn what_is_no_cycle_is_not_found() {
    for (a, b) in [
        ("use crate::b::B;", "#[cfg(test)] mod tests { use crate::a::A; } /* crate::a::A */ // crate::a::A"),
        ("use crate::B;", "#[cfg(test)] use crate::a::{A}; pub struct B(&'static str); // crate::A"),
        ("struct A;", "use crate::A; use std::a::A as Other; pub(crate) struct B;"),
        ("use crate::b; use crate::b::B;", "use crate::a;"),
    ] {
        let found = cycles_of("mod a; mod b; pub use a::A; pub use b::*;", &[("a.rs", a), ("b.rs", b)]);
        assert!(found.is_empty(), "{a} {b}: {found:?}");
    }
}

fn cycles_of(main: &str, others: &[(&str, &str)]) -> Vec<String> {
    let files = others.iter().copied().chain([("main.rs", main)]);
    let files = files.map(|(name, source)| (PathBuf::from(name), source.to_owned())).collect();
    let joined =
        |cycle: Vec<PathBuf>| cycle.iter().map(|file| file.to_str().unwrap()).collect::<Vec<_>>().join(", ");
    cycles(&graph(&files, "main.rs")).into_iter().map(joined).collect()
}

#[track_caller]
fn assert_no_cycle(directory: &str, root: &str, at_least: usize) {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files = BTreeMap::new();
    collect(&top, &top, &mut files);
    let graph = graph(&files, root);
    assert!(graph.len() >= at_least, "only {} files were reached from {root}", graph.len());
    let mut told = String::new();
    for cycle in cycles(&graph) {
        told += "\na cycle:\n";
        for file in &cycle {
            for (other, paths) in graph[file].iter().filter(|(other, _)| cycle.contains(other)) {
                told += &format!("  {} uses {}: {paths:?}\n", file.display(), other.display());
            }
        }
    }
    assert!(told.is_empty(), "{directory} has cycles:\n{told}");
}

fn collect(directory: &Path, top: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, top, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            files.insert(path.strip_prefix(top).unwrap().to_owned(), source);
        }
    }
}

/// The sets of files that use one another, directly or through others.
fn cycles(graph: &Graph) -> BTreeSet<Vec<PathBuf>> {
    let reached: BTreeMap<_, _> = graph.keys().map(|file| (file, reached(graph, file))).collect();
    let cycle = |file| {
        let others = reached[file].iter().filter(|other| reached[*other].contains(file));
        others.copied().cloned().collect::<Vec<_>>()
    };
    graph.keys().map(cycle).filter(|cycle| !cycle.is_empty()).collect()
}

/// What a file uses, directly or through others.
fn reached<'a>(graph: &'a Graph, from: &'a PathBuf) -> BTreeSet<&'a PathBuf> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        next.extend(graph[file].keys().filter(|other| seen.insert(*other)));
    }
    seen
}

fn graph(files: &BTreeMap<PathBuf, String>, root: &str) -> Graph {
    let mut modules = Modules::new();
    read_file(files, Path::new(root), &[], &mut modules);
    let mut graph = Graph::new();
    for (at, module) in &modules {
        let uses = graph.entry(module.file.clone()).or_default();
        for path in &module.paths {
            if let Some(Target::Item(file)) = resolve(&modules, at, path, 0) {
                uses.entry(file).or_default().insert(path.join("::"));
            }
        }
        for name in &module.declared {
            uses.entry(modules[&child(at, name)].file.clone()).or_default().insert(format!("mod {name}"));
        }
        uses.remove(&module.file);
    }
    graph
}

enum Target {
    Module(Segments),
    /// The file that defines it.
    Item(PathBuf),
}

/// What a path in the module `at` leads to; `None` where it leads out of the crate.
fn resolve(modules: &Modules, at: &[String], path: &[String], depth: usize) -> Option<Target> {
    let mut at = at.to_vec();
    for (index, name) in path.iter().enumerate() {
        let module = &modules[&at];
        match name.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => drop(at.pop()),
            "*" => return Some(Target::Item(module.file.clone())),
            _ if modules.contains_key(&child(&at, name)) => at.push(name.clone()),
            _ => match module.imports.get(name) {
                // A macro that is given a path: `pub(crate) use debug`.
                Some(import) if import == std::slice::from_ref(name) => {
                    return Some(Target::Item(module.file.clone()));
                }
                Some(_) if depth > 8 => return None,
                Some(import) => match resolve(modules, &at, import, depth + 1)? {
                    Target::Module(found) => at = found,
                    item => return Some(item),
                },
                None if index == 0 => return None,
                None => return Some(Target::Item(defining(modules, &at, name))),
            },
        }
    }
    Some(Target::Module(at))
}

/// The file that defines an item of this module: another one where it comes in by `use other::*`.
fn defining(modules: &Modules, at: &[String], name: &str) -> PathBuf {
    let through = modules[at].globs.iter().filter_map(|glob| match resolve(modules, at, glob, 0)? {
        Target::Module(module) => Some(&modules[&module]),
        Target::Item(_) => None,
    });
    let other = through.into_iter().find(|module| module.items.contains(name));
    other.unwrap_or(&modules[at]).file.clone()
}
