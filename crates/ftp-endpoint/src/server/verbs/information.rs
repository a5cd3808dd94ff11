//! What the server says of itself and of the session: SYST FEAT OPTS STAT HELP SITE HOST LANG CLNT
//! ALLO SMNT.

use crate::net::Net;
use crate::server::accounts::Accounts;
use crate::server::negotiated::{Algorithm, AskedPartial};
use crate::server::replies::Refusal;
use crate::server::session::Session;
use crate::server::verbs::listing::listed;
use crate::store::{Store, StoreError};
use ftp_proto::command::{Command, VERBS, Verb, mode_letter};
use ftp_proto::listing::{Facts, long_line};
use ftp_proto::mode::Structure;
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;
use std::net::IpAddr;
use std::num::NonZeroU64;

/// Lines of STAT PATH; more belong on a data connection.
const MAX_STATUS_LINES: usize = 1000;

const SITE_HELP: [&str; 6] = [
    "The following SITE commands are recognised:",
    " SITE HELP",
    " SITE MARKERS bytes: restart markers in downloads of block and compressed mode; 0: none",
    " SITE PARTIAL path: bytes that your failed upload of path has left; REST and STOR of path then go on from \
     them",
    " SITE HASHPARTIAL marker path: how many of them lie before a restart marker, and their SHA-256; a STOR of \
     path that goes on from others is refused",
    "End of help",
];

impl<N: Net, A: Accounts> Session<N, A> {
    /// RFC 2389 section 3.2: each line begins with one space; no feature of RFC 959 itself is
    /// named. `XPIPE` is ours: see `OPTS XPIPE`; and `DURABLE`: what is answered survives the loss of power.
    pub(in crate::server) fn features(&self) -> Reply {
        let of_verbs = Verb::all().filter_map(|verb| match verb.feature()? {
            "AUTH TLS" | "PBSZ" | "PROT" if !self.config.offers_tls() => None,
            "HASH" => Some(format!("HASH {}", Algorithm::list(self.negotiated.algorithm))),
            "LANG" => Some("LANG EN*".to_owned()),
            "MODE Z" if !self.config.deflate => None,
            "MLST" => Some(format!("MLST {}", self.negotiated.facts.offered())),
            plain => Some(plain.to_owned()),
        });
        let durable = self.user.as_ref().is_some_and(|user| user.store.is_durable());
        let others =
            durable.then_some("DURABLE").into_iter().chain(["TVFS", "UTF8", "XPIPE"]).map(str::to_owned);
        let mut lines = vec!["Extensions supported:".to_owned()];
        lines.extend(of_verbs.chain(others).map(|feature| format!(" {feature}")));
        lines.push("End".to_owned());
        Reply::multi(211, lines)
    }

    /// RFC 2389 section 4.
    pub(in crate::server) fn options(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let (name, rest) = argument.split_once(' ').unwrap_or((argument, ""));
        let rest = rest.trim_matches(' ');
        match name.to_ascii_uppercase().as_str() {
            // RFC 3659 section 7.9: the answer names the facts that will be given.
            "MLST" => {
                self.negotiated.facts = Facts::parse(rest);
                Ok(Reply::new(
                    200,
                    format!("MLST OPTS {}", self.negotiated.facts.in_use()).trim_end().to_owned(),
                ))
            }
            "HASH" if rest.is_empty() => Ok(Reply::new(200, self.negotiated.algorithm.name())),
            "HASH" => {
                self.negotiated.algorithm = Algorithm::parse(rest)
                    .ok_or(Refusal::Syntax("unknown algorithm, selection not changed"))?;
                Ok(Reply::new(200, self.negotiated.algorithm.name()))
            }
            "MODE" if self.config.deflate => self.set_deflate_options(rest),
            // RFC 2640: pathnames are UTF-8 always.
            "UTF8" | "UTF-8" if rest.is_empty() || rest.eq_ignore_ascii_case("ON") => {
                Ok(Reply::new(200, "UTF8 is always on."))
            }
            "XPIPE" if rest.eq_ignore_ascii_case("ON") || rest.eq_ignore_ascii_case("OFF") => {
                self.negotiated.pipelined_uploads = rest.eq_ignore_ascii_case("ON");
                Ok(Reply::new(200, format!("XPIPE {}.", rest.to_ascii_uppercase())))
            }
            _ => Err(Refusal::Syntax("option not understood")),
        }
    }

    /// STAT without an argument: parameters and connections (RFC 959 section 4.1.3).
    fn status(&self) -> Reply {
        let parameters = &self.negotiated;
        let structure = match parameters.structure {
            Structure::File => 'F',
            Structure::Record => 'R',
        };
        let user = match (&self.user, &self.user_name) {
            (Some(user), _) => format!(" Logged in as {}", user.name),
            (None, Some(_)) => " Waiting for the password".to_owned(),
            (None, None) => " Waiting for the user name".to_owned(),
        };
        let mode = mode_letter(parameters.mode);
        Reply::multi(
            211,
            vec![
                "Status of this server:".to_owned(),
                format!(" ftpsim {}", env!("CARGO_PKG_VERSION")),
                format!(" Connected to {}, {}", self.peer, self.security()),
                user,
                format!(" TYPE {}, STRU {structure}, MODE {mode}", parameters.data_type),
                format!(" Data connection: {}", if self.data.is_kept() { "open" } else { "none" }),
                "End of status".to_owned(),
            ],
        )
    }

    /// STAT, with an argument a LIST over the control connection.
    pub(in crate::server) async fn stat(&mut self, argument: Option<String>) -> Result<Reply, Refusal> {
        let Some(argument) = argument else { return Ok(self.status()) };
        let (store, rights) = self.store_and_rights()?;
        if !rights.read {
            return Err(Refusal::NoRight);
        }
        let mut group = match self.group(&store, &argument).await {
            Err(Refusal::NotListed) => return Err(Refusal::NoStatus),
            other => other?,
        };
        let now = self.config.calendar.as_ref().map(|calendar| calendar().0);
        let code = if group.is_directory { 212 } else { 213 };
        let mut lines = vec![format!("Status of {argument}:")];
        while let Some(entry) = group.next().await? {
            if lines.len() > MAX_STATUS_LINES {
                lines.push(" and more (use LIST)".to_owned());
                break;
            }
            let line = long_line(&listed(&entry.name, &entry.metadata), rights.write, now);
            lines.push(format!(" {line}"));
        }
        lines.push("End of status".to_owned());
        Ok(Reply::multi(code, lines))
    }

    pub(in crate::server) fn help(&self, argument: Option<String>) -> Reply {
        let Some(argument) = argument else {
            let mut lines = vec!["The following commands are recognised:".to_owned()];
            lines.extend(VERBS.chunks(10).map(|verbs| format!(" {}", verbs.join(" "))));
            lines.push("End of help".to_owned());
            return Reply::multi(214, lines);
        };
        let name = argument.trim_matches(' ').to_ascii_uppercase();
        match Verb::of(&name) {
            Some(verb) => Reply::new(214, format!("Syntax: {verb} {}", verb.syntax()).trim_end().to_owned()),
            None => Reply::new(501, format!("Unknown command {name}.")),
        }
    }

    pub(in crate::server) async fn site(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let (name, rest) = argument.split_once(' ').unwrap_or((argument, ""));
        match name.to_ascii_uppercase().as_str() {
            "HELP" => Ok(Reply::multi(214, SITE_HELP.map(str::to_owned).to_vec())),
            "MARKERS" => {
                let bytes = rest.trim_matches(' ').parse().map_err(|_| Refusal::Syntax("expected bytes"))?;
                self.negotiated.marker_interval_bytes = NonZeroU64::new(bytes);
                Ok(Reply::new(200, format!("Restart markers every {bytes} bytes (0: none).")))
            }
            // It is out of sight otherwise, and offered only to whom it belongs: without this question REST
            // is of the file that SIZE tells of.
            "PARTIAL" if !rest.is_empty() => {
                let (store, path) = self.ask_of_partial(rest)?;
                let bytes = store.partial_bytes(&path).await?.ok_or(StoreError::NotFound)?;
                self.asked_partial = Some(AskedPartial { path, part: None });
                Ok(Reply::new(213, bytes.to_string()))
            }
            "PARTIAL" => Err(Refusal::Syntax("expected a pathname")),
            "HASHPARTIAL" => Box::pin(self.hash_partial(rest)).await,
            _ => Err(Refusal::Parameter(format!("SITE {name} is not implemented"))),
        }
    }

    /// For a question of what a failed upload has left; the one before it is forgotten.
    pub(super) fn ask_of_partial(&mut self, path: &str) -> Result<(A::Store, VirtualPath), Refusal> {
        let (store, rights) = self.store_and_rights()?;
        if !rights.write {
            return Err(Refusal::NoRight);
        }
        self.asked_partial = None;
        Ok((store, self.path(path)?))
    }

    /// RFC 7151: there is one virtual host, whatever its name; checked for form only.
    pub(in crate::server) fn host(&mut self, argument: &str) -> Result<Reply, Refusal> {
        if self.user.is_some() {
            return Err(Refusal::Sequence("HOST comes before USER"));
        }
        self.user_name = None;
        let literal = argument.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_name = !argument.is_empty()
            && argument.len() <= 255
            && argument
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        let is_address = literal.is_some_and(|text| matches!(text.parse(), Ok(IpAddr::V6(_))));
        if is_name || is_address {
            Ok(Reply::new(220, self.config.greeting.clone()))
        } else {
            Err(Refusal::Syntax("HOST needs a host name without a port"))
        }
    }

    /// RFC 2640 section 4: replies are in English.
    pub(in crate::server) fn language(&self, argument: Option<String>) -> Result<Reply, Refusal> {
        let tag = argument.unwrap_or_default();
        let tag = tag.trim_matches(' ');
        let english = tag.is_empty()
            || tag.eq_ignore_ascii_case("EN")
            || tag.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("EN-"));
        if english {
            Ok(Reply::new(200, "Replies are in English."))
        } else {
            Err(Refusal::Parameter(format!("language {tag} is not supported")))
        }
    }

    /// Nothing is reserved beforehand (RFC 959 section 4.1.3: then it is a NOOP).
    pub(in crate::server) fn allocate(&self) -> Reply {
        Reply::new(202, "No storage allocation is necessary.")
    }
}

/// Whether STAT may be asked before a login: nothing of the file system is told.
pub(in crate::server) fn tells_nothing(command: &Command) -> bool {
    matches!(command, Command::Stat(None))
}
