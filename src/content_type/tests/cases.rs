//! Files that were once judged wrongly, each the smallest of its kind, and the right answer for each.

use super::*;

/// What is decided for a whole file.
pub fn decided(word: Option<&str>, name: &str, bytes: &[u8]) -> Result<&'static str, String> {
    let (head, further) = parts(bytes);
    decide(word, name, head, further, false).map(ContentType::name)
}

#[test]
fn every_file_that_was_judged_wrongly_has_its_right_answer() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/content_type/tests/cases");
    let answers = include_str!("cases/answers.txt").lines().filter(|line| !line.starts_with('#'));
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in answers {
        let [file, word, right] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let name = file.strip_prefix("K3-.").map_or(file.to_owned(), |rest| format!(".{rest}"));
        let bytes = std::fs::read(format!("{folder}/{file}")).unwrap();
        let found = decided(Some(word).filter(|&word| word != "-"), &name, &bytes);
        let is_right = match (&found, right.strip_prefix("! ")) {
            (Ok(name), None) => *name == right,
            (Err(message), Some(words)) => message.contains(words),
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{line}\n    {found:?}"));
        }
        if word == "-" {
            assert_eq!(of(Some(&name), &bytes).map(ContentType::name), found.ok(), "{name}");
        }
        count += 1;
    }
    assert_eq!((count, wrong.join("\n")), (33, String::new()));
}
