//! The server: RFC 959 as corrected by RFC 1123, over any [`Net`](crate::net::Net), serving any
//! [`Store`](crate::store::Store).
//!
//! Where the RFCs leave room:
//! - A transfer is answered by 226 when the data connection is closed with it, by 250 when it stays
//!   open (RFC 959 sections 3.2 and 5.2).
//! - The kept connection of block and compressed mode is closed by PORT, PASV, EPRT, EPSV, another
//!   MODE or STRU, ABOR, REIN and any failed transfer; not by TYPE, nor by a refused command.
//! - PASV and EPSV serve for one connection; PORT stands until it is changed.
//! - ABOR stops the transfers that were sent ahead of it, too: each is answered by 426, then 226.
//! - REST, APPE, SIZE and DELE speak of the file that is visible. What a failed upload has left is out of
//!   sight and belongs to its user: `SITE PARTIAL path` tells its length, and the next REST and STOR of
//!   that path in the session go on from it; so do REST with a marker of a 110 reply to an upload, or with
//!   an offset and a `p` behind it, in any session of the user. `SITE HASHPARTIAL marker path` tells its
//!   SHA-256 up to there; the STOR that then goes on finds that part, or is answered by 451: another client
//!   of the user may have left another one meanwhile. It is removed when the name is deleted or
//!   renamed, when its user has left too many ([`Limits::partials_per_user`]) or another upload of theirs
//!   has come to its end, and whosever it is when the store is full; nothing is left of an upload that found
//!   no room, of an append or of anonymous.
//! - REST takes offsets in the file in block and compressed mode, in stream mode offsets of what is sent
//!   (RFC 3659 section 5.3). What has none is refused by 554: stream mode with STRU R, uploads of stream
//!   mode in TYPE A, and downloads of files of records.
//! - APPE takes the file when its first byte comes; while another upload adds to it that is refused by 450.
//! - A file is sent as it is read to its end: more, if it grows meanwhile; 451, if it has become shorter.
//! - 110 replies come of markers up to which all is on stable storage: of the last of many that come thick.
//! - SIZE counts what TYPE and STRU make of a file, without the mode's framing.
//! - TYPE A and E take the formats N, T and C: files have no print format here, so that the control
//!   characters of C are the first of their lines.
//! - Over IPv6 PASV is refused by 502, for a 227 reply has no room for the address; EPRT and EPSV for the
//!   other protocol by 522 (RFC 2428). An unspecified address in PORT or EPRT means the client's own.
//! - `SITE MARKERS bytes` asks for restart markers in downloads.
//! - `XPIPE` in FEAT: after `OPTS XPIPE ON` a client sends the data of each upload of block or
//!   compressed mode without waiting for its 125; those of a refused one are read and discarded up
//!   to its end of file, before the refusal is sent. Where the store publishes many at the cost of few
//!   ([`Store::publishes_together`](crate::store::Store::publishes_together)), the next STOR or APPE of
//!   another name is taken before the last one is answered, as are SIZE and HASH of these; the replies keep
//!   their order.
//! - `DURABLE` in FEAT: what is answered by 2yz to a change of files or names survives the loss of power at
//!   the server ([`Store::is_durable`](crate::store::Store::is_durable)). An upload that cannot be brought
//!   to the disk is answered by 451.
//!
//! [`Store`]: crate::store::Store

pub mod accounts;
mod attend;
pub mod config;
mod control;
mod counting;
mod data;
mod guesses;
mod live;
pub mod log;
mod meanwhile;
mod negotiated;
mod promises;
mod replies;
mod session;
#[cfg(feature = "tls")]
mod tls;
mod verbs;

pub use accounts::{Accounts, LoginRefusal, Rights, Table, User};
pub use attend::{SessionSlots, serve, serve_beside};
pub use config::{Config, Limits, PASSIVE_PORTS, Timeouts};
pub use live::LiveConfig;
pub use log::{Change, ChangeRecord, LogRecord, Movement, TransferLog, TransferRecord};
#[cfg(feature = "tls")]
pub use tls::{ASKED_TICKETS, Reuse, ServerTls, TlsUse, read_certificates, read_key};
