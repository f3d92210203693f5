//! Reads the modules, imports and paths of a crate out of its sources, token by token.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The segments of a path, such as `crate`, `http`, `Client`.
pub type Segments = Vec<String>;

#[derive(Default)]
pub struct Module {
    pub file: PathBuf,
    /// What `use` brings into it, by the name that it has there.
    pub imports: HashMap<String, Segments>,
    pub globs: Vec<Segments>,
    pub items: BTreeSet<String>,
    /// Every path in its code, but for re-exports.
    pub paths: Vec<Segments>,
    /// The modules that it declares and that have files of their own.
    pub declared: Vec<String>,
}

/// By the path from the root, which is empty for the root itself.
pub type Modules = BTreeMap<Segments, Module>;

pub fn child(at: &[String], name: &str) -> Segments {
    [at, &[name.to_owned()]].concat()
}

/// Reads a file as the module `at`, and the files of the modules that it declares.
pub fn read_file(files: &BTreeMap<PathBuf, String>, name: &Path, at: &[String], modules: &mut Modules) {
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
