//! The files of a delivery, by the names that client, server and stores have for them.

use ftp_endpoint::client::policy::part_name;
use std::collections::BTreeMap;

/// An index into the case's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// What client and server call a listing when they tell their observers of it.
pub const LISTING: &str = "(listing)";

/// Finds a file by a name.
#[derive(Clone, Debug, Default)]
pub struct FileNames {
    names: Vec<String>,
    /// Final and temporary names, without their directories.
    ids: BTreeMap<String, FileId>,
}

impl FileNames {
    /// The names are those of the case's files, in order.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<String> = names.into_iter().collect();
        let mut ids = BTreeMap::new();
        for (id, name) in (0..).map(FileId).zip(&names) {
            ids.insert(part_name(name), id);
            ids.insert(name.clone(), id);
        }
        Self { names, ids }
    }

    /// The file that a pathname is of: under its final name or under its temporary one
    /// ([`part_name`]), in whichever directory.
    pub fn find(&self, pathname: &str) -> Option<FileId> {
        self.ids.get(pathname.rsplit('/').next()?).copied()
    }

    /// The final name; of a file that there is not, none.
    pub fn name(&self, id: FileId) -> &str {
        let index = usize::try_from(id.0).unwrap_or(usize::MAX);
        self.names.get(index).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_name_and_not_by_a_part_of_it() {
        let names = FileNames::new(["a".to_owned(), "ab".to_owned()]);
        for (pathname, id) in [("a", 0), ("/a", 0), ("/d/ab", 1), (".a.part", 0), ("/.ab.part", 1)] {
            assert_eq!(names.find(pathname), Some(FileId(id)), "{pathname}");
        }
        for pathname in ["", "b", "abc", "a/", "a.part"] {
            assert_eq!(names.find(pathname), None, "{pathname}");
        }
        assert_eq!((names.name(FileId(1)), names.name(FileId(2))), ("ab", ""));
    }
}
