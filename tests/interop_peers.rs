//! Our server with lftp, ncftp, tnftp and nmap's scripts, and over TLS with curl, libcurl, lftp, ftplib,
//! basic-ftp and wget; our client with vsftpd, proftpd, pure-ftpd and pyftpdlib. `tests/peers/install.sh`
//! installs them.
#![cfg(feature = "cli")]

mod common;
#[path = "interop_peers/our_client.rs"]
mod our_client;
#[path = "interop_peers/our_client_tls.rs"]
mod our_client_tls;
#[path = "interop_peers/our_server.rs"]
mod our_server;
#[cfg(unix)]
#[path = "interop_peers/our_server_tls.rs"]
mod our_server_tls;
