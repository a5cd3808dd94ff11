//! A complete FTP client and server, written once over any network ([`net::Net`]) and any store of
//! files ([`store::Store`]), in all transmission modes of RFC 959.

#[cfg(feature = "client")]
pub mod client;
pub mod net;
pub mod observe;
#[cfg(feature = "server")]
pub mod server;
pub mod store;
pub mod transfer;
