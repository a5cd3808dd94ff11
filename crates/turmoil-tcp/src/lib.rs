#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! [`run`] runs a client and a server on their hosts and reports what their TCP and the path between
//! them counted; [`Network`] runs any number of each. All that is needed for it is here at the top; the modules have the rest:
//! [`path`] the links and the middlebox, [`tcp`] the hosts' TCP, [`segment`] reads packets that
//! a [`PathObserver`] is shown.
//!
//! Virtual time counts from the run's start. Names that end in `_us` are microseconds, in `_ns`
//! nanoseconds, in `_ppm` millionths. Application code takes its time from [`SimNet::now`],
//! [`SimNet::sleep`] and [`SimNet::timeout`], never from tokio's clock, which is dilated here.

#![warn(missing_docs)]

pub mod capture;
pub mod network;
pub mod path;
#[cfg(feature = "pcap")]
pub mod pcap;
pub mod seeds;
pub mod segment;
pub mod tcp;
mod timeline;

pub use capture::{Capture, CapturedPacket};
pub use network::{
    CLIENT_IP, HostReport, Network, NetworkConfig, NetworkError, NetworkReport, RunEnd, RunReport, SERVER_IP,
    run,
};
pub use path::router::{LinkCounters, RouterHandle};
pub use path::rule::{FaultRule, PacketAtRouter, Verdict};
pub use path::{BurstLoss, Cut, CutKind, Direction, Fate, Impairments, Order, PathConfig, PathObserver};
pub use tcp::congestion::Algorithm;
pub use tcp::flow::FlowConfig;
pub use tcp::net::{Elapsed, SimListener, SimNet, SimStream, Tap};
pub use tcp::stack::{CloseOrder, Held, TcpConfig, TcpCounters};
