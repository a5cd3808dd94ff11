//! The client: control channel, transfers, and the delivery of many files.

mod burst;
pub mod control;
pub mod deliver;
pub mod error;
mod hash;
mod local;
mod marker;
mod pipelined;
pub mod policy;
mod program;
mod publishing;
mod queue;
pub mod report;
mod restart;
mod sequential;
pub mod session;
#[cfg(feature = "tls")]
mod tls;
pub mod untrusted;
mod verify;
mod worker;

pub use deliver::{Delivery, deliver};
pub use error::{ClientError, FailureKind};
pub use policy::{Direction, Login, Opening, Policy, Publish, RESUMED_FROM_BYTES, TlsWhen, Verify};
pub use program::{Client, Entry, EntryKind, Listing, Misread, Options, Unread};
pub use report::{Failure, FileReport, Job, Report};
pub use session::{Cost, Entered, Session};
#[cfg(feature = "tls")]
pub use tls::{ClientTls, Trust, fingerprint};
pub use untrusted::{Distrust, Fingerprint, Untrusted};
