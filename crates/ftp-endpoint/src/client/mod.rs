//! The client: control channel, transfers, and the delivery of many files.

pub mod control;
pub mod deliver;
pub mod error;
mod hash;
mod local;
mod pipeline;
pub mod policy;
mod program;
pub mod report;
mod resume;
pub mod session;
#[cfg(test)]
mod tests;
mod worker;

pub use deliver::{Delivery, deliver};
pub use error::{ClientError, FailureKind};
pub use policy::{Direction, Login, Opening, Policy, Publish, Verify};
pub use program::{Client, Entry, Options};
pub use report::{Failure, FileReport, Job, Report};
pub use session::{Cost, Session};
