//! What a file has beside its bytes, its mode and its owner, and what takes its place is to have as well: who
//! else may use it (POSIX.1e access control lists), and what its users have noted of it.

use cap_std::fs::{Dir, File};

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::Attributes;
#[cfg(target_os = "linux")]
pub(super) use linux::Attributes;

#[cfg(target_os = "linux")]
mod linux {
    use super::{Dir, File};
    use ftp_proto::name::to_os;
    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
    use rustix::io::Errno;

    /// With it, the mode's bits of the group are a mask over whoever the list names, and no more the group's own.
    const ACCESS_LIST: &str = "system.posix_acl_access";
    const USERS: &str = "user.";
    /// The kernel's own limit of each, and of all names.
    const MAX_BYTES: usize = 64 * 1024;

    /// Of a file that is there.
    #[derive(Default)]
    pub(in crate::store::disk) struct Attributes(Vec<(String, Vec<u8>)>);

    impl Attributes {
        /// None of a file that may not be read, or where the file system has none.
        pub(in crate::store::disk) fn of(directory: &Dir, name: &str) -> Self {
            let file = super::super::open(directory, to_os(name));
            file.map(|file| Self::of_open(&file)).unwrap_or_default()
        }

        pub(in crate::store::disk) fn of_open(file: &File) -> Self {
            let mut names = [0; 256];
            let names = match flistxattr(file, &mut names) {
                Ok(0) => return Self::default(),
                Ok(len) => names[..len].to_vec(),
                Err(Errno::RANGE) => {
                    let mut all = vec![0; MAX_BYTES];
                    let len = flistxattr(file, &mut all).unwrap_or(0);
                    all.truncate(len);
                    all
                }
                Err(_) => return Self::default(),
            };
            let names = names.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
            let wanted = names.filter(|name| *name == ACCESS_LIST || name.starts_with(USERS));
            let value = |name: &str| {
                let mut value = vec![0; MAX_BYTES];
                let len = fgetxattr(file, name, &mut value).ok()?;
                value.truncate(len);
                Some((name.to_owned(), value))
            };
            Self(wanted.filter_map(value).collect())
        }

        /// Whether the mode does not tell who may use it.
        pub(in crate::store::disk) fn has_list(&self) -> bool {
            self.0.iter().any(|(name, _)| name == ACCESS_LIST)
        }

        /// Gives them to a new file. Whether nobody may use it by a list who may not use the old one.
        pub(in crate::store::disk) fn give(&self, file: &File) -> bool {
            if !self.has_list() {
                // A new one may have been given the directory's default.
                let removed = fremovexattr(file, ACCESS_LIST);
                if !matches!(removed, Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP)) {
                    return false;
                }
            }
            let mut is_list_given = true;
            for (name, value) in &self.0 {
                let is_given = fsetxattr(file, name, value, XattrFlags::empty()).is_ok();
                is_list_given &= is_given || name != ACCESS_LIST;
            }
            is_list_given
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn file() -> File {
            File::from_std(tempfile::tempfile().unwrap())
        }

        /// The mode's bits of the group are then to be nobody's.
        #[test]
        fn a_list_that_cannot_be_given_is_told_and_other_attributes_are_not_missed() {
            let list = (ACCESS_LIST.to_owned(), b"no list".to_vec());
            let odd = ("unheard-of.name".to_owned(), Vec::new());
            for (attributes, has_list, is_given) in [
                (vec![], false, true),
                (vec![odd.clone()], false, true),
                (vec![list.clone()], true, false),
                (vec![list.clone(), odd.clone()], true, false),
                (vec![odd, list], true, false),
            ] {
                let attributes = Attributes(attributes);
                assert_eq!((attributes.has_list(), attributes.give(&file())), (has_list, is_given));
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{Dir, File};

    /// Not known here.
    pub(in crate::store::disk) struct Attributes;

    impl Attributes {
        pub(in crate::store::disk) fn of(_directory: &Dir, _name: &str) -> Self {
            Self
        }

        pub(in crate::store::disk) fn of_open(_file: &File) -> Self {
            Self
        }

        pub(in crate::store::disk) fn has_list(&self) -> bool {
            false
        }

        pub(in crate::store::disk) fn give(&self, _file: &File) -> bool {
            true
        }
    }
}
