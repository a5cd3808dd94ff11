#![cfg_attr(all(feature = "client", feature = "server"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "client", feature = "server")),
    doc = "A complete FTP client and server over any network and any store."
)]
#![warn(missing_docs)]

#[cfg(feature = "client")]
pub mod client;
pub mod net;
pub mod observe;
#[cfg(feature = "server")]
pub mod server;
pub mod store;
pub mod transfer;

// The main types; what belongs to one of them stays in its module.
#[cfg(feature = "client")]
pub use client::{
    Client, ClientError, Delivery, Direction, Job, Login, Options, Policy, Publish, Report, Verify, deliver,
};
pub use net::{Net, real::RealNet};
pub use observe::{Nobody, Observer};
#[cfg(feature = "server")]
pub use server::{Accounts, Config as ServerConfig, Rights, Table, serve};
#[cfg(feature = "disk")]
pub use store::disk::DiskStore;
pub use store::{Store, memory::MemoryStore};
