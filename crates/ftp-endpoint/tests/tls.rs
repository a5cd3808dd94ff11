//! FTP over TLS (RFC 4217): the dialogue, who is trusted, deliveries, what ends a file, and data connections by themselves.

#[path = "tls/auto.rs"]
mod auto;
#[path = "tls/data.rs"]
mod data;
#[path = "tls/deliveries.rs"]
mod deliveries;
#[path = "tls/dialogue.rs"]
mod dialogue;
#[path = "tls/ends.rs"]
mod ends;
#[path = "tls/gathered.rs"]
mod gathered;
#[path = "tls/handshakes.rs"]
mod handshakes;
#[path = "tls/lax.rs"]
mod lax;
#[path = "tls/paced.rs"]
mod paced;
#[path = "tls/trust.rs"]
mod trust;
