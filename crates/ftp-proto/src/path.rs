//! Pathnames as a session sees them: absolute, normalised, never above the root.

use crate::name;
use std::fmt;

/// Longest pathname taken, in bytes (Linux's PATH_MAX).
pub const MAX_PATH_BYTES: usize = 4096;

/// An absolute path of the virtual file system: components without `/`, NUL, `.` and `..`. Bytes that are
/// no text are in them as [`crate::name`] has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualPath {
    components: Vec<String>,
}

/// Why an argument names no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No file system takes it.
    #[error("pathname holds a NUL")]
    Nul,
    /// Longer than [`MAX_PATH_BYTES`].
    #[error("pathname is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
}

impl VirtualPath {
    /// The directory `/`.
    pub fn root() -> Self {
        Self::default()
    }

    /// `argument` as seen from this directory; `..` stops at the root.
    pub fn join(&self, argument: &str) -> Result<Self, PathError> {
        if argument.contains('\0') {
            return Err(PathError::Nul);
        }
        let from: &[String] = if argument.starts_with('/') { &[] } else { &self.components };
        let mut components = Vec::with_capacity(from.len() + 1);
        components.extend_from_slice(from);
        for part in argument.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    components.pop();
                }
                name => components.push(name.to_owned()),
            }
        }
        let length: usize = components.iter().map(|c| name::encode(c).len() + 1).sum();
        if length > MAX_PATH_BYTES { Err(PathError::TooLong) } else { Ok(Self { components }) }
    }

    /// From the root down.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.components.iter().map(String::as_str)
    }

    /// The last component; `None` for the root.
    pub fn name(&self) -> Option<&str> {
        self.components.last().map(String::as_str)
    }

    /// The directory that holds it; the root is its own.
    pub fn parent(&self) -> Self {
        let mut components = self.components.clone();
        components.pop();
        Self { components }
    }

    /// Without the leading slash; `.` for the root.
    pub fn relative(&self) -> String {
        if self.components.is_empty() { ".".to_owned() } else { self.components.join("/") }
    }
}

impl fmt::Display for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.components.is_empty() {
            return f.write_str("/");
        }
        self.components.iter().try_for_each(|name| {
            f.write_str("/")?;
            f.write_str(name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_is_taken_and_no_longer_one() {
        let name = |len: usize| format!("/{}", "x".repeat(len - 1));
        let longest = VirtualPath::root().join(&name(MAX_PATH_BYTES)).unwrap();
        assert_eq!(longest.to_string().len(), MAX_PATH_BYTES);
        assert_eq!(VirtualPath::root().join(&name(MAX_PATH_BYTES + 1)), Err(PathError::TooLong));
        // What counts is what is left of it.
        assert_eq!(VirtualPath::root().join(&format!("/{}/./../a", name(5000))).unwrap().to_string(), "/a");
        assert_eq!(longest.join("a"), Err(PathError::TooLong));
    }
}
