//! What the middlebox and the disks are told to do when a fault strikes.

use super::FaultKind;
use std::net::SocketAddr;
use turmoil_tcp::network::{CutKind, Order};

impl FaultKind {
    /// What befalls the data connection, if it is cut at the byte.
    pub fn cut(&self) -> Option<CutKind> {
        match *self {
            Self::Reset => Some(CutKind::Reset),
            Self::EarlyClose => Some(CutKind::Close { lingering: false }),
            Self::SplitClose => Some(CutKind::Close { lingering: true }),
            Self::Blackhole { for_us } => Some(CutKind::Blackhole { for_us }),
            Self::Stall { for_us } => Some(CutKind::Stall { for_us }),
            Self::Corrupt { xor } => Some(CutKind::Corrupt { xor }),
            _ => None,
        }
    }

    /// What the middlebox does elsewhere; the control connection goes `from` the client, if it is known
    /// where, `to` the server.
    pub fn order(&self, from: Option<SocketAddr>, to: SocketAddr) -> Option<Order> {
        match *self {
            Self::ControlReset => Some(Order::Reset { from: from?, to }),
            Self::ControlSilent { for_us } => Some(Order::Blackhole { from: from?, to, for_us }),
            Self::Partition { for_us } => Some(Order::Partition { for_us }),
            Self::Refused { times } => Some(Order::RefuseConnections { except_port: to.port(), times }),
            _ => None,
        }
    }
}
