//! What to type and to set for a way: ours, and other people's programs' where they can do it. What is said of
//! those is what `docs/PEERS.md`, `src/trial/described` and `results/trials` know.

use super::{Place, Told};
use crate::advise::advice::Way;
use crate::report::ways;
use crate::sim::scenario::{Direction, Publish, VariantSpec, Verify};
use ftp_proto::mode::{Structure, TransmissionMode};
use serde::Serialize;

/// A command, or settings, of one program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instruction {
    /// The program.
    pub program: &'static str,
    /// To type, or to write into its configuration.
    pub text: String,
    /// What to know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<&'static str>,
}

impl Instruction {
    fn new(program: &'static str, text: String) -> Self {
        Self { program, text, remark: None }
    }

    fn remark(self, remark: &'static str) -> Self {
        Self { remark: Some(remark), ..self }
    }
}

/// What somebody else's program can do of a way.
struct Plain<'a> {
    told: &'a Told<'a>,
    variant: &'a VariantSpec,
    direction: Direction,
}

impl Told<'_> {
    /// Ours first.
    pub fn instructions(&self, way: &Way) -> Vec<Instruction> {
        let (variant, direction) = (&way.variant, self.advice.direction);
        let mut all: Vec<Instruction> = self.ours(variant).into_iter().collect();
        let plain = Plain { told: self, variant, direction };
        all.extend(plain.lftp());
        all.extend(plain.curl());
        all.extend(plain.rclone());
        all.extend(plain.servers());
        all
    }

    fn ours(&self, variant: &VariantSpec) -> Option<Instruction> {
        let direction = self.advice.direction;
        let command = ways::command(variant, direction)?;
        let url = self.place.as_ref().map_or("URL", |place| &place.url);
        let files = self.source.as_deref().unwrap_or("FILES");
        let tree = if self.advice.directories > 0 { " -r" } else { "" };
        let mut command = match direction {
            Direction::Put => command.replacen("put URL FILES", &format!("put{tree} {url} {files}"), 1),
            Direction::Get => command.replacen("get URL/FILE", &format!("get{tree} {url}"), 1),
        };
        if variant.durable && direction == Direction::Get {
            command += " --durable";
        }
        let implicit = self.place.as_ref().is_some_and(|place| place.implicit_tls);
        if implicit {
            command = command.replacen(" --tls required", "", 1);
        }
        if variant.tls.is_none() {
            command += " --tls off";
        } else if let Some(place) = &self.place {
            command += &place.tls_options;
        }
        Some(Instruction::new("ftpsim", command))
    }
}

impl Plain<'_> {
    fn place(&self) -> Place {
        self.told.place.clone().unwrap_or_else(|| Place {
            url: "URL".to_owned(),
            host: "HOST".to_owned(),
            port: 21,
            user: Some("USER".to_owned()),
            path: "DIRECTORY".to_owned(),
            implicit_tls: false,
            tls_options: String::new(),
        })
    }

    /// `-u USER`, which makes both curl and lftp ask for the password.
    fn user(place: &Place) -> String {
        place.user.as_ref().map_or(String::new(), |user| format!(" -u {}", quoted(user)))
    }

    /// Stream mode in file structure, nothing compared, one session or four.
    fn is_plain(&self) -> bool {
        let v = self.variant;
        v.mode == TransmissionMode::Stream && v.structure == Structure::File && v.verify == Verify::Reply
    }

    fn lftp(&self) -> Option<Instruction> {
        let v = self.variant;
        let deflate = v.mode == TransmissionMode::Deflate;
        let put = self.direction == Direction::Put;
        // A download cut short is whole for lftp (`docs/PEERS.md`), and an upload under TLS 1.3 may be lost by
        // tickets that it leaves unread (`docs/tls-client.md`): neither is the way that was simulated.
        if !(self.is_plain() || deflate && put) || v.durable || v.tls.is_some() && put {
            return None;
        }
        let place = self.place();
        let mut sets = vec![match v.tls {
            Some(_) => "set ftp:ssl-force yes; set ftp:ssl-protect-data yes",
            None => "set ftp:ssl-allow no",
        }];
        if !deflate {
            sets.push("set ftp:use-mode-z no");
        }
        if v.publish == Publish::Rename && put {
            sets.push("set xfer:use-temp-file yes");
        }
        let parallel = if v.parallel > 1 { format!(" --parallel={}", v.parallel) } else { String::new() };
        let source = self.told.source.as_deref().unwrap_or("DIR");
        let mirror = match self.direction {
            Direction::Put => format!("mirror -R{parallel} {}", inner(source)),
            Direction::Get => format!("mirror{parallel} ."),
        };
        let script = format!("{}; {mirror}; bye", sets.join("; "));
        let scheme = if place.implicit_tls { "ftps" } else { "ftp" };
        let text = format!(
            "lftp{} -e {} {scheme}://{}:{}/{}",
            Self::user(&place),
            quoted(&script),
            bracketed(&place.host),
            place.port,
            place.path
        );
        let found = Instruction::new("lftp", text);
        Some(match (deflate, put && v.publish == Publish::Rename) {
            (true, _) => found.remark("with proftpd's mod_deflate uploads were damaged (docs/PEERS.md)"),
            (_, true) => found.remark("a FIN on the way is published all the same (results/trials)"),
            _ => found,
        })
    }

    fn curl(&self) -> Option<Instruction> {
        let v = self.variant;
        let put = self.direction == Direction::Put;
        if !self.is_plain() || v.durable {
            return None;
        }
        let place = self.place();
        let tls = if v.tls.is_some() && !place.implicit_tls { " --ssl-reqd" } else { "" };
        let parallel =
            if v.parallel > 1 { format!(" -Z --parallel-max {}", v.parallel) } else { String::new() };
        let scheme = if place.implicit_tls { "ftps" } else { "ftp" };
        let path = if place.path.is_empty() { String::new() } else { format!("{}/", place.path) };
        let base = format!("{scheme}://{}:{}/{path}", bracketed(&place.host), place.port);
        let user = Self::user(&place);
        let rename = put && v.publish == Publish::Rename;
        let text = match (self.direction, rename) {
            (Direction::Put, true) => {
                format!("curl -sS{tls}{user} -T FILE -Q '-RNFR part-FILE' -Q '-RNTO FILE' {base}part-FILE")
            }
            (Direction::Put, false) => format!("curl -sS{tls}{parallel}{user} -T '{{FILE,FILE}}' {base}"),
            (Direction::Get, _) => {
                format!("curl -sS{tls}{parallel}{user} --remote-name-all '{base}{{FILE,FILE}}'")
            }
        };
        let found = Instruction::new("curl", text);
        Some(match rename {
            true => found.remark(
                "logs in for each file, and publishes a FIN on the way all the same (results/trials)",
            ),
            false => {
                found.remark("one session serves all files of a command; a command a file logs in for each")
            }
        })
    }

    fn rclone(&self) -> Option<Instruction> {
        let v = self.variant;
        if !self.is_plain() || v.parallel == 1 || v.tls.is_some() || v.publish == Publish::Rename {
            return None;
        }
        let place = self.place();
        let user = quoted(place.user.as_deref().unwrap_or("anonymous"));
        let source = self.told.source.as_deref().unwrap_or("DIR");
        let remote = quoted(&format!(":ftp:{}", place.path));
        let (from, to) = match self.direction {
            Direction::Put => (source.to_owned(), remote),
            Direction::Get => (remote, "DIR".to_owned()),
        };
        let text = format!(
            "rclone copy --transfers {} --ftp-host {} --ftp-port {} --ftp-user {user} \
             --ftp-pass \"$(rclone obscure PASSWORD)\" {from} {to}",
            v.parallel, place.host, place.port
        );
        Some(Instruction::new("rclone", text).remark("described here, but not tried"))
    }

    /// Of whoever runs the server.
    fn servers(&self) -> Vec<Instruction> {
        let v = self.variant;
        let put = self.direction == Direction::Put;
        let plain = v.mode == TransmissionMode::Stream && v.structure == Structure::File;
        let mut all = Vec::new();
        if !plain || v.verify == Verify::Hash || v.durable || self.told.place.is_none() {
            let durable = if v.durable && put { " --durable" } else { "" };
            let tls = if v.tls.is_some() { " --tls required --tls-certificate FILE.pem" } else { "" };
            let text =
                format!("ftpsim serve --root DIR --listen ADDRESS:21 --config server.toml{durable}{tls}");
            all.push(Instruction::new("ftpsim", text));
        }
        if !plain || v.durable {
            return all;
        }
        match (v.verify, v.tls) {
            (Verify::Hash, _) => {
                all.push(Instruction::new("proftpd.conf", "LoadModule mod_digest.c".to_owned()));
            }
            (_, Some(_)) if put => all.push(
                Instruction::new(
                    "vsftpd.conf",
                    "ssl_enable=YES, rsa_cert_file=FILE.pem, strict_ssl_read_eof=YES, delete_failed_uploads=YES"
                        .to_owned(),
                )
                .remark("demands close_notify, without which no upload under TLS is whole"),
            ),
            (_, None) if put && v.publish == Publish::Direct => {
                all.push(
                    Instruction::new(
                        "proftpd.conf",
                        "HiddenStores on, DeleteAbortedStores on, AllowStoreRestart off".to_owned(),
                    )
                    .remark("nobody sees a part; a FIN on the way is published all the same (results/trials)"),
                );
                all.push(
                    Instruction::new("vsftpd.conf", "delete_failed_uploads=YES".to_owned())
                        .remark("removes what an upload that visibly failed has left"),
                );
            }
            _ => {}
        }
        all
    }
}

/// For a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,=@%:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Within a script that is quoted once more: of a word that a shell would need quoted, in lftp's quotes.
fn inner(word: &str) -> String {
    match word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')) {
        Some(word) => format!("\"{}\"", word.replace('"', "\\\"")),
        None => word.to_owned(),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
