//! Clients and servers as they are described: a TOML file each, `src/trial/described/*.toml` built in, and any
//! of a user's.

use super::pair::{Client, Direction};
use super::server::{Launch, Server};
use crate::programs::{Filled, Template, command};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

/// Nobody waits longer to hear a version.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

macro_rules! built_in {
    ($($name:literal)+) => {
        const BUILT_IN: &[(&str, &str)] = &[$(($name, include_str!(concat!("described/", $name, ".toml")))),+];
    };
}

built_in! {
    "aioftp" "basic-ftp" "curl" "ftp-srv" "ftplib" "ftpsim" "inetutils" "lftp" "libunftp" "ncftp" "net-ftp"
    "proftpd" "pure-ftpd" "pycurl" "pyftpdlib" "rclone" "tnftp" "twisted" "vsftpd" "wget"
}

/// Why a description is none.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// It cannot be read.
    #[error("{file}: {source}")]
    Io {
        /// Which.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no such TOML; where, says the source.
    #[error("{file}: {source}")]
    Toml {
        /// Which.
        file: String,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
}

/// Whose software, which version, with which settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Software {
    /// Its name.
    pub name: String,
    /// As it says itself; empty where nobody knows.
    pub version: String,
    /// `default`, or a variant's name.
    pub settings: String,
}

impl Software {
    /// One that is known by a name alone.
    pub fn unknown(name: &str) -> Self {
        let name = name.rsplit('/').next().unwrap_or(name).to_owned();
        Self { name, version: String::new(), settings: DEFAULT.to_owned() }
    }
}

/// `NAME`, or `NAME/SETTINGS` where they are not the default: as the command line takes it.
pub fn with_settings(name: &str, settings: &str) -> String {
    if settings == DEFAULT { name.to_owned() } else { format!("{name}/{settings}") }
}

/// The settings without a variant.
pub(super) const DEFAULT: &str = "default";

/// A file of `src/trial/described`, or a user's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Described {
    /// By what it is asked for.
    pub name: String,
    /// Where it comes from.
    #[serde(default)]
    pub home: String,
    /// The command that succeeds where it is there, and says its version: the first word with a digit in front.
    version: Vec<String>,
    client: Option<ClientTable>,
    server: Option<ServerTable>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientTable {
    put: Option<Vec<String>>,
    get: Option<Vec<String>>,
    tls: Option<Commands>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    variants: Vec<ClientVariant>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Commands {
    put: Option<Vec<String>>,
    get: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientVariant {
    name: String,
    /// For a reader: what it is to protect from.
    #[allow(dead_code, reason = "for readers of the file")]
    why: String,
    put: Option<Vec<String>>,
    get: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ServerTable {
    pub start: Vec<String>,
    /// An account of the system, whose password is in `password-file`.
    pub account: Option<String>,
    pub password_file: Option<String>,
    #[serde(default)]
    pub as_root: bool,
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Commands before the start.
    #[serde(default)]
    pub prepare: Vec<Vec<String>>,
    pub tls: Option<Added>,
    #[serde(default)]
    pub variants: Vec<ServerVariant>,
}

/// Ends of files, and arguments.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Added {
    #[serde(default)]
    pub add: BTreeMap<String, String>,
    #[serde(default)]
    pub arguments: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerVariant {
    pub name: String,
    #[allow(dead_code, reason = "for readers of the file")]
    why: String,
    #[serde(default)]
    add: BTreeMap<String, String>,
    #[serde(default)]
    arguments: Vec<String>,
}

fn parse(file: &str, text: &str) -> Result<Described, DescriptionError> {
    toml::from_str(text)
        .map_err(|source| DescriptionError::Toml { file: file.to_owned(), source: Box::new(source) })
}

/// All that are built in and those of `files`, by name; a later one takes the place of an earlier one.
pub fn known(files: &[PathBuf]) -> Result<Vec<Described>, DescriptionError> {
    let mut all = BTreeMap::new();
    for (file, text) in BUILT_IN {
        let described = parse(file, text)?;
        all.insert(described.name.clone(), described);
    }
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|source| DescriptionError::Io { file: name.clone(), source })?;
        let described = parse(&name, &text)?;
        all.insert(described.name.clone(), described);
    }
    Ok(all.into_values().collect())
}

/// What every command of a description may name: our own program, and where `tests/peers/install.sh` keeps what
/// is not the system's.
pub(super) fn common() -> Filled {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let peers = set("FTPSIM_PEERS_DIR").or_else(|| Some(cache()?.join("ftpsim-peers"))).unwrap_or_default();
    let ours = std::env::current_exe().unwrap_or_else(|_| "ftpsim".into());
    let text = |path: &Path| path.display().to_string();
    Filled(vec![("{peers}", text(&peers)), ("{ftpsim}", text(&ours))])
}

impl Described {
    /// Its version, if it is on this machine.
    pub async fn find(&self) -> Option<String> {
        let common = common();
        let words: Vec<String> = self.version.iter().map(|word| common.fill(word)).collect();
        let said = command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let said = tokio::time::timeout(VERSION_LIMIT, said).await.ok()?.ok()?;
        let text = [said.stdout, said.stderr].concat();
        if !said.status.success() {
            return None;
        }
        version(&String::from_utf8_lossy(&text))
    }

    /// Whether it has a client, and a server.
    pub fn has(&self) -> (bool, bool) {
        (self.client.is_some(), self.server.is_some())
    }

    /// Names of the client's settings.
    pub fn client_settings(&self) -> Vec<&str> {
        let variants = self.client.iter().flat_map(|client| &client.variants);
        std::iter::once(DEFAULT).chain(variants.map(|variant| variant.name.as_str())).collect()
    }

    /// Names of the server's settings.
    pub fn server_settings(&self) -> Vec<&str> {
        let variants = self.server.iter().flat_map(|server| &server.variants);
        std::iter::once(DEFAULT).chain(variants.map(|variant| variant.name.as_str())).collect()
    }

    fn software(&self, version: &str, settings: &str) -> Software {
        Software { name: self.name.clone(), version: version.to_owned(), settings: settings.to_owned() }
    }

    /// The client with these settings; `None` where it has none, or not under TLS.
    pub fn client(&self, version: &str, settings: &str, tls: bool) -> Option<Client> {
        let table = self.client.as_ref()?;
        let (mut put, mut get) = (table.put.clone(), table.get.clone());
        if tls {
            let commands = table.tls.as_ref()?;
            (put, get) = (commands.put.clone(), commands.get.clone());
        }
        if settings != DEFAULT {
            let variant = table.variants.iter().find(|variant| variant.name == settings)?;
            if tls {
                return None;
            }
            (put, get) = (variant.put.clone(), variant.get.clone());
        }
        let common = common();
        let template = |words: Option<Vec<String>>| {
            let words = words?.iter().map(|word| common.fill(word)).collect();
            Template::of(words).ok()
        };
        let files = table.files.iter().map(|(name, text)| (name.clone(), text.clone())).collect();
        let software = self.software(version, settings);
        Some(Client { software, put: template(put), get: template(get), files })
    }

    /// The server with these settings; `None` as with the client.
    pub fn server(&self, version: &str, settings: &str, tls: bool) -> Option<Server> {
        let mut table = self.server.clone()?;
        let mut added = Vec::new();
        if tls {
            added.push(table.tls.clone()?);
        }
        if settings != DEFAULT {
            let variant = table.variants.iter().find(|variant| variant.name == settings)?;
            added.push(Added { add: variant.add.clone(), arguments: variant.arguments.clone() });
        }
        for Added { add, arguments } in added {
            for (name, text) in add {
                table.files.entry(name).or_default().push_str(&text);
            }
            table.start.extend(arguments);
        }
        Some(Server::Described(Arc::new(Launch { software: self.software(version, settings), table, tls })))
    }

    /// Whether the client can do this at all, with its default settings.
    pub fn does(&self, direction: Direction) -> bool {
        self.client.as_ref().is_some_and(|client| match direction {
            Direction::Put => client.put.is_some(),
            Direction::Get => client.get.is_some(),
        })
    }
}

/// The first word that begins with a digit, perhaps behind a `v`.
fn version(said: &str) -> Option<String> {
    let words = said.split(|c: char| c.is_whitespace() || "\"',()/".contains(c));
    let bare = words.map(|word| word.strip_prefix('v').unwrap_or(word).trim_end_matches([':', '.']));
    bare.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_well_formed() {
        let all = known(&[]).unwrap();
        assert_eq!(all.len(), BUILT_IN.len(), "a name is there twice");
        for (file, _) in BUILT_IN {
            let described = all.iter().find(|described| described.name == *file).expect(file);
            assert!(described.home.starts_with("https://"), "{file}");
            let (client, server) = described.has();
            assert!(client || server, "{file}");
            for settings in described.client_settings().into_iter().filter(|_| client) {
                let client = described.client("1", settings, false).expect(file);
                let one = client.put.or(client.get);
                assert!(one.is_some(), "{file} {settings}: no command, or one without the server");
            }
            for settings in described.server_settings().into_iter().filter(|_| server) {
                assert!(described.server("1", settings, false).is_some(), "{file} {settings}");
            }
        }
    }

    #[test]
    fn versions_as_they_are_said() {
        for (said, heard) in [
            ("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1", "7.88.1"),
            ("LFTP | Version 4.9.2 | Copyright", "4.9.2"),
            ("vsftpd: version 3.0.3\n", "3.0.3"),
            ("pure-ftpd v1.0.50\n", "1.0.50"),
            ("20210827-4", "20210827-4"),
            ("NcFTPPut 3.2.6:", "3.2.6"),
        ] {
            assert_eq!(version(said).as_deref(), Some(heard));
        }
        assert_eq!(version("no such program"), None);
    }

    #[test]
    fn a_users_file_takes_the_place_of_one_that_is_built_in() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("mine.toml");
        let text = "name = \"curl\"\nversion = [\"x\"]\n[client]\nput = [\"x\", \"{url}\"]\n";
        std::fs::write(&file, text).unwrap();
        let all = known(std::slice::from_ref(&file)).unwrap();
        let curl = all.iter().find(|described| described.name == "curl").unwrap();
        assert!(curl.does(Direction::Put) && !curl.does(Direction::Get));
        std::fs::write(&file, "name = 1").unwrap();
        assert!(known(&[file]).unwrap_err().to_string().contains("mine.toml"));
    }
}
