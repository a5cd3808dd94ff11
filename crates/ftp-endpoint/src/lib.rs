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
