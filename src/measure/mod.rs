//! Deliveries over real sockets, measured: against a server in this process or any other, beside a
//! bare TCP connection that carries the same bytes. Wall-clock time; nothing here is simulated.

pub mod bare;
pub mod delivery;
pub mod files;
pub mod fixture;
pub mod generated;
pub(crate) mod growth;
pub mod machine;
pub mod record;
pub(crate) mod remote;
pub(crate) mod run;
pub mod server;
#[cfg(test)]
mod tests;
