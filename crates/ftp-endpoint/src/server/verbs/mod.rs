//! What each command does, one file a family.

mod files;
mod hash;
mod information;
mod lines;
mod listing;
mod login;
mod parameters;
#[cfg(feature = "tls")]
mod security;
mod transfers;
mod upload;
#[cfg(not(feature = "tls"))]
mod without_tls;

use self::listing::Lines;
use super::accounts::Accounts;
use super::control::Line;
use super::replies::Refusal;
use super::session::{Next, Session};
use crate::net::Net;
use crate::observe::Event;
use ftp_proto::command::Command;
use ftp_proto::path::VirtualPath;
use ftp_proto::reply::Reply;

impl<N: Net, A: Accounts> Session<N, A> {
    /// Does what a command line says, and gives the last reply to it.
    pub(in crate::server) async fn perform(&mut self, line: Line) -> Result<Next, Refusal> {
        // RNTO comes directly behind RNFR (RFC 959 section 4.1.3), whatever else the line between them is.
        let rename_from = self.rename_from.take();
        let Line::Text(line) = line else {
            self.tell_command("(line too long)");
            return Ok(Reply::new(500, "Command line too long.").into());
        };
        let parsed = Command::parse(&line);
        match &parsed {
            Ok(Command::Pass(_)) => self.tell_command("PASS ****"),
            _ => self.tell_command(&String::from_utf8_lossy(&line)),
        }
        let command = parsed?;
        if self.control.has_promised() && !self.goes_with_promises(&command) {
            self.control.keep_promises().await;
        }
        if self.user.is_none() && !is_allowed_before_login(&command) {
            return Err(Refusal::NotLoggedIn);
        }
        let uses_data = command.verb().uses_a_data_connection();
        if self.aborting && uses_data {
            return Err(Refusal::Aborted);
        }
        if uses_data {
            self.may_move_data()?;
        }
        let result = self.dispatch(command, rename_from).await;
        if uses_data && result.is_err() {
            self.data.refused(self.negotiated.mode);
        }
        result
    }

    /// Whether a command does the same before earlier uploads are published as after it.
    fn goes_with_promises(&self, command: &Command) -> bool {
        match command {
            Command::Stor(path) | Command::Appe(path) => {
                self.path(path).is_ok_and(|path| !self.control.has_promised_of(&path))
            }
            // Answered in turn, when the file that they are about is there.
            Command::Size(path) | Command::Hash(path) => {
                self.path(path).is_ok_and(|path| self.control.has_promised_of(&path))
            }
            _ => false,
        }
    }

    fn tell_command(&self, line: &str) {
        self.watch.tell(self.net.now(), Event::Command { line });
    }

    async fn dispatch(
        &mut self,
        command: Command,
        rename_from: Option<VirtualPath>,
    ) -> Result<Next, Refusal> {
        // It is boxed where the future is large: an idle session should not carry a transfer's state.
        let reply = match command {
            Command::User(name) => return self.user(name).await,
            Command::Pass(password) => return Box::pin(self.pass(password)).await,
            Command::Acct(_) => Reply::new(202, "No account is needed."),
            Command::Rein => self.reinitialize().await?,
            Command::Quit => return Ok(Next::End(Reply::new(221, "Goodbye."), "quit")),

            Command::Auth(mechanism) => return Box::pin(self.authenticate(&mechanism)).await,
            Command::Pbsz(_) => self.protection_buffer()?,
            Command::Prot(level) => self.protect(level).await?,
            Command::Ccc => return Err(Refusal::ClearRefused),

            Command::Port(address) => self.port(address.into()).await?,
            Command::Eprt(address) => self.extended_port(address).await?,
            Command::Pasv => self.passive().await?,
            Command::Epsv(protocol) => self.extended_passive(protocol).await?,
            Command::Type(data_type) => self.set_type(data_type)?,
            Command::Stru(structure) => self.set_structure(structure).await?,
            Command::Mode(mode) => self.set_mode(mode).await?,

            Command::Cwd(path) => self.change_directory(&path, 250).await?,
            Command::Cdup => self.change_directory("..", 250).await?,
            Command::Pwd => self.working_directory(),
            Command::Mkd(path) => self.make_directory(&path).await?,
            Command::Rmd(path) => self.remove_directory(&path).await?,
            Command::Dele(path) => self.delete(&path).await?,
            Command::Rnfr(path) => self.rename_from(&path).await?,
            Command::Rnto(path) => self.rename_to(rename_from, &path).await?,
            Command::Size(path) => return Box::pin(self.size(&path)).await,

            Command::Rest(marker) => self.restart(marker)?,
            Command::Retr(path) => Box::pin(self.retrieve(&path)).await?,
            Command::Stor(path) => return Box::pin(self.store(&path)).await,
            Command::Appe(path) => return Box::pin(self.append(&path)).await,
            Command::Abor => self.abort(),
            Command::List(argument) => Box::pin(self.list(argument, Lines::Long)).await?,
            Command::Nlst(argument) => Box::pin(self.list(argument, Lines::Names)).await?,

            Command::Mdtm(path) => self.modified(&path).await?,
            Command::Mfmt(time, path) => self.set_modified(time, &path).await?,
            Command::Mlsd(argument) => Box::pin(self.machine_list(argument)).await?,
            Command::Mlst(argument) => self.machine_list_one(argument).await?,
            Command::Hash(path) => return Box::pin(self.hash(&path)).await,
            Command::Rang(first, last) => self.choose_range(first, last)?,
            Command::Stou => return Box::pin(self.store_unique()).await,
            Command::Allo(..) => self.allocate(),

            Command::Syst => Reply::new(215, "UNIX Type: L8"),
            Command::Feat => self.features(),
            Command::Opts(argument) => self.options(&argument)?,
            Command::Stat(argument) => self.stat(argument).await?,
            Command::Help(argument) => self.help(argument),
            Command::Site(argument) => self.site(&argument).await?,
            Command::Host(argument) => self.host(&argument)?,
            Command::Lang(argument) => self.language(argument)?,
            Command::Clnt(_) => Reply::new(200, "Noted."),
            Command::Smnt(_) => Reply::new(202, "There is one file system."),
            Command::Noop => Reply::new(200, "Okay."),
        };
        Ok(reply.into())
    }
}

/// Everything else is answered by 530.
fn is_allowed_before_login(command: &Command) -> bool {
    command.verb().comes_before_login() || information::tells_nothing(command)
}
