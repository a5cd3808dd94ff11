//! Every relative link of the documents leads somewhere, and every page is in the book.

use super::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn markdown(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect()
}

fn documents() -> Vec<PathBuf> {
    let mut found = markdown(root());
    for dir in ["docs", "results", "benches"] {
        found.extend(markdown(&root().join(dir)));
    }
    for member in fs::read_dir(root().join("crates")).unwrap() {
        found.extend(markdown(&member.unwrap().path()));
    }
    found.sort();
    found
}

/// The text without what stands in code.
fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // What is between backticks is no link, though it may stand in the words of one.
            let words = line.split('`').enumerate();
            out.extend(
                words.map(|(at, part)| if at % 2 == 0 { part.to_owned() } else { "_".repeat(part.len()) }),
            );
            out.push('\n');
        }
    }
    out
}

/// What links lead to, in the order of the text.
fn targets(text: &str) -> Vec<String> {
    let prose = prose(text);
    let inline = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let defined =
        prose.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    let targets = inline.chain(defined.map(|(_, target)| target));
    targets.map(|target| target.split_whitespace().next().unwrap_or("").to_owned()).collect()
}

/// As GitHub and mdBook have them for the headings of a page.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) else { continue };
        let heading = heading.trim_start_matches('#').trim();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let slug: String = kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
        let mut unique = slug.clone();
        let mut number = 0;
        while !found.insert(unique.clone()) {
            number += 1;
            unique = format!("{slug}-{number}");
        }
    }
    found
}

/// What is wrong with a link of `document`, if anything.
fn fault_of(document: &Path, text: &str, target: &str) -> Option<String> {
    if target.starts_with("http://") || target.starts_with("https://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let (place, text) = match path {
        "" => (document.to_owned(), text.to_owned()),
        path => {
            let place = document.parent().unwrap().join(path);
            if !place.exists() {
                return Some(format!("{target}: there is no such file"));
            }
            let text = fs::read_to_string(&place).unwrap_or_default();
            (place, text)
        }
    };
    let anchor = anchor?;
    let found = anchors(&text).contains(anchor);
    (!found).then(|| format!("{target}: {} has no such heading", place.display()))
}

#[test]
fn every_relative_link_leads_somewhere() {
    let (mut followed, mut wrong) = (0, Vec::new());
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for target in targets(&text) {
            followed += 1;
            wrong.extend(
                fault_of(&document, &text, &target).map(|fault| format!("{}: {fault}", document.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(followed > 40, "{followed} links were found");
}

#[test]
fn every_page_is_in_the_book_once() {
    let docs = root().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let listed = targets(&summary);
    let unique: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len(), "a page stands in docs/SUMMARY.md twice: {listed:?}");
    let pages =
        markdown(&docs).into_iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let missing: Vec<String> = pages.filter(|page| page != "SUMMARY.md" && !listed.contains(page)).collect();
    assert!(missing.is_empty(), "not in docs/SUMMARY.md: {missing:?}");
}

/// In the book there is nothing but docs/, and what `.ci/book` lays beside it.
#[test]
fn pages_lead_out_of_the_book_only_to_what_is_laid_beside_it() {
    let book = fs::read_to_string(root().join(".ci/book")).unwrap();
    for page in markdown(&root().join("docs")) {
        for target in targets(&fs::read_to_string(&page).unwrap()) {
            let Some(outside) = target.strip_prefix("../") else { continue };
            let laid = book.split_whitespace().any(|word| word == outside);
            assert!(laid, "{}: {target} is not in the book, nor laid beside it by .ci/book", page.display());
        }
    }
}

#[test]
fn links_and_headings_are_read_as_they_are_meant() {
    let text =
        "# A `b` c!\n[x `y](z)` w](a.md#s) ![p](q.svg \"t\")\n```\n# no\n[n](o)\n```\n## A b c\n[d]: e.md\n";
    assert_eq!(targets(text), ["a.md#s", "q.svg", "e.md"]);
    assert_eq!(anchors(text).into_iter().collect::<Vec<_>>(), ["a-b-c", "a-b-c-1"]);
    let document = root().join("docs/x.md");
    assert!(fault_of(&document, text, "#a-b-c").is_none());
    assert!(fault_of(&document, text, "#no").unwrap().contains("no such heading"));
    assert!(fault_of(&document, text, "nowhere.md").unwrap().contains("no such file"));
    assert!(fault_of(&document, text, "../README.md#nowhere").unwrap().contains("no such heading"));
}
