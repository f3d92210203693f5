//! No cycles in the imports: draws which source file uses which, and fails where files use one another in a cycle.
//!
//! A file uses another where a path in its code leads to something that the other defines. A path through a re-export
//! leads to the definition, and the re-export itself does not count. A file that declares a module uses the module's
//! file, so nothing below it may use what it defines. Code under `cfg(test)` does not count.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The segments of a path, such as `crate`, `http`, `Client`.
type Segments = Vec<String>;
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

#[derive(Default)]
struct Module {
    file: PathBuf,
    /// What `use` brings into it, by the name that it has there.
    imports: HashMap<String, Segments>,
    globs: Vec<Segments>,
    items: BTreeSet<String>,
    /// Every path in its code, but for re-exports.
    paths: Vec<Segments>,
    /// The modules that it declares and that have files of their own.
    declared: Vec<String>,
}

/// By the path from the root, which is empty for the root itself.
type Modules = BTreeMap<Segments, Module>;

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

fn child(at: &[String], name: &str) -> Segments {
    [at, &[name.to_owned()]].concat()
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

fn read_file(files: &BTreeMap<PathBuf, String>, name: &Path, at: &[String], modules: &mut Modules) {
    let source = files.get(name).unwrap_or_else(|| panic!("{} is not there", name.display()));
    let tokens: TokenStream = source.parse().unwrap_or_else(|why| panic!("{}: {why}", name.display()));
    modules.insert(at.to_vec(), Module { file: name.to_owned(), ..Module::default() });
    read(tokens, at, modules);
    let owns_folder = ["mod", "lib", "main"].iter().any(|stem| name.file_stem().is_some_and(|s| s == *stem));
    let folder = if owns_folder { name.parent().unwrap().to_owned() } else { name.with_extension("") };
    for declared in modules[at].declared.clone() {
        let alone = folder.join(format!("{declared}.rs"));
        let file = if files.contains_key(&alone) { alone } else { folder.join(&declared).join("mod.rs") };
        read_file(files, &file, &child(at, &declared), modules);
    }
}

/// Notes what stands in these tokens of the module `at`.
fn read(tokens: TokenStream, at: &[String], modules: &mut Modules) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut i = 0;
    while i < tokens.len() {
        let rest = &tokens[i..];
        let before = &tokens[..i];
        i += 1;
        match &rest[0] {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                let attribute = rest.get(1).map(ToString::to_string).unwrap_or_default();
                i += if attribute.replace(' ', "") == "[cfg(test)]" { item(&rest[1..]) } else { 1 };
            }
            TokenTree::Group(group) => read(group.stream(), at, modules),
            // Behind `::` stands no beginning of a path.
            TokenTree::Punct(_) => i += if colons(rest) { 1 + path(&rest[2..]).1 } else { 0 },
            TokenTree::Literal(_) => {}
            TokenTree::Ident(word) => {
                let word = word.to_string();
                let name = rest.get(1).map(ToString::to_string).unwrap_or_default();
                let module = modules.get_mut(at).unwrap();
                match word.as_str() {
                    "use" => {
                        let length = rest.iter().position(|token| token.to_string() == ";").unwrap();
                        read_use(&rest[1..length], Vec::new(), reexported(before), module);
                        i += length;
                    }
                    "pub" if name.starts_with('(') => i += 1,
                    "mod" if rest.get(2).is_some_and(|token| token.to_string() == ";") => {
                        module.declared.push(name)
                    }
                    "mod" => {
                        let Some(TokenTree::Group(body)) = rest.get(2) else { continue };
                        let inner = child(at, &name);
                        let file = module.file.clone();
                        modules.insert(inner.clone(), Module { file, ..Module::default() });
                        read(body.stream(), &inner, modules);
                        i += 2;
                    }
                    "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const" | "static" => {
                        module.items.insert(name);
                    }
                    _ => {
                        let (segments, length) = path(rest);
                        i += length - 1;
                        if segments.len() > 1 {
                            module.paths.push(segments);
                        }
                    }
                }
            }
        }
    }
}

/// Whether `use` behind these tokens has `pub` or `pub(…)` in front.
fn reexported(before: &[TokenTree]) -> bool {
    let last: Vec<_> = before.iter().rev().take(2).map(ToString::to_string).collect();
    last.first().is_some_and(|word| word == "pub")
        || (last.len() == 2 && last[0].starts_with('(') && last[1] == "pub")
}

fn colons(tokens: &[TokenTree]) -> bool {
    let colon = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':');
    tokens.len() > 1 && tokens[..2].iter().all(colon)
}

/// The path that begins here, and how many tokens it has.
fn path(tokens: &[TokenTree]) -> (Segments, usize) {
    let (mut segments, mut length) = (Vec::new(), 0);
    while let Some(TokenTree::Ident(name)) = tokens.get(length) {
        segments.push(name.to_string());
        length += 1;
        if !(colons(&tokens[length..]) && matches!(tokens.get(length + 2), Some(TokenTree::Ident(_)))) {
            break;
        }
        length += 2;
    }
    (segments, length)
}

/// How many tokens an attribute in front has with its item: up to its body, or its semicolon.
fn item(tokens: &[TokenTree]) -> usize {
    let is_use =
        tokens.iter().find(|token| matches!(token, TokenTree::Ident(_)) && token.to_string() != "pub");
    let is_use = is_use.is_some_and(|word| word.to_string() == "use");
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !is_use,
        other => other.to_string() == ";",
    };
    1 + tokens.iter().position(ends).unwrap_or(tokens.len() - 1)
}

/// Notes what a tree of imports brings in; `within` is what stands in front of it.
fn read_use(tree: &[TokenTree], within: Segments, reexported: bool, module: &mut Module) {
    let (segments, length) = path(tree);
    let mut full = [within, segments].concat();
    let rest = &tree[length..];
    let rest = if colons(rest) { &rest[2..] } else { rest };
    let name = match rest {
        [TokenTree::Group(group)] => {
            let inner: Vec<_> = group.stream().into_iter().collect();
            for tree in inner.split(|token| token.to_string() == ",").filter(|tree| !tree.is_empty()) {
                read_use(tree, full.clone(), reexported, module);
            }
            return;
        }
        [star] if star.to_string() == "*" => None,
        [_, other] => Some(other.to_string()),
        _ => {
            full.pop_if(|last| last == "self");
            full.last().cloned()
        }
    };
    match name {
        Some(name) => drop(module.imports.insert(name, full.clone())),
        None => {
            module.globs.push(full.clone());
            full.push("*".to_owned());
        }
    }
    if !reexported {
        module.paths.push(full);
    }
}
