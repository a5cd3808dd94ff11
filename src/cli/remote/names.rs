//! Paths at the server, as they are written.

/// The path of a name in a directory at the server.
pub(in crate::cli) fn join(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        directory if directory.ends_with('/') => format!("{directory}{name}"),
        directory => format!("{directory}/{name}"),
    }
}

/// The last component.
pub(in crate::cli) fn name_of(remote: &str) -> &str {
    remote.rsplit('/').next().unwrap_or_default()
}

/// The directory of a path at the server: `""` where it is relative and has none.
pub(in crate::cli) fn parent(remote: &str) -> &str {
    match remote.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
        None => "",
    }
}

/// `a`, `a/b` and `a/b/c` of `a/b/c`.
pub(in crate::cli) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let path = path.trim_end_matches('/');
    let inner = path.match_indices('/').map(|(at, _)| &path[..at]).filter(|path| !path.is_empty());
    inner.chain(Some(path).filter(|path| !path.is_empty()))
}
