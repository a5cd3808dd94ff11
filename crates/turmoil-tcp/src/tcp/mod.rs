//! TCP of the simulated hosts: smoltcp's state machine and receiver (`engine`), a sender of our
//! own beside it ([`flow`], [`congestion`]), and the sockets of a host over both ([`stack`]).

mod buffers;
pub(crate) mod clock;
pub mod congestion;
mod conn;
mod engine;
pub mod flow;
pub mod net;
mod pool;
pub mod stack;
