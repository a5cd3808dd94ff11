//! One contract for [`Net`], kept by real sockets on the loopback and by the simulated network.
#![cfg(feature = "sim")]
#![allow(clippy::disallowed_methods)] // The real arm needs the real clock as its watchdog.

#[path = "net_conformance/addresses.rs"]
mod addresses;
#[path = "net_conformance/ends.rs"]
mod ends;
#[path = "net_conformance/load.rs"]
mod load;
#[path = "net_conformance/time.rs"]
mod time;
#[path = "net_conformance/worlds.rs"]
mod worlds;

use addresses::{connections_have_addresses, ports, refused};
use ends::{
    clean_end_of_file_on_drop, half_close, read_before_a_reset, reset_by_abort,
    reset_by_drop_with_unread_data, unaccepted_connections_are_reset, writing_after_shutdown,
    writing_to_the_gone,
};
use load::{
    backlog, backlog_in_any_order, backpressure, large_both_ways, many_connections,
    vectored_writes_keep_their_order,
};
use time::{a_cancelled_accept_loses_nothing, timeouts};
use worlds::{over_loopback, over_simulation};

/// The server's half of each case gets the listener, the client's half its address.
macro_rules! cases {
    ($($name:ident)*) => {
        mod real {
            $(#[test] fn $name() {
                super::over_loopback("127.0.0.1:0", |net, to| super::$name::client(net, to), |net, l| super::$name::server(net, l));
            })*
        }
        mod real_ipv6 {
            $(#[test] fn $name() {
                if std::net::TcpListener::bind("[::1]:0").is_err() {
                    return println!("skipped: ::1 is missing");
                }
                super::over_loopback("[::1]:0", |net, to| super::$name::client(net, to), |net, l| super::$name::server(net, l));
            })*
        }
        mod simulated {
            $(#[test] fn $name() {
                super::over_simulation(0, 1, |net, to| super::$name::client(net, to), |net, l| super::$name::server(net, l));
            })*
        }
    };
}

/// Those that hold whatever is lost, with several seeds.
macro_rules! lossy_cases {
    ($($name:ident)*) => {
        mod simulated_lossy {
            $(#[test] fn $name() {
                for seed in 0..8 {
                    super::over_simulation(
                        50_000,
                        seed,
                        |net, to| super::$name::client(net, to),
                        |net, l| super::$name::server(net, l),
                    );
                }
            })*
        }
    };
}

lossy_cases! {
    clean_end_of_file_on_drop
    half_close
    reset_by_drop_with_unread_data
    writing_after_shutdown
    vectored_writes_keep_their_order
    many_connections
    backlog_in_any_order
}

cases! {
    connections_have_addresses
    clean_end_of_file_on_drop
    half_close
    refused
    reset_by_abort
    reset_by_drop_with_unread_data
    read_before_a_reset
    writing_to_the_gone
    writing_after_shutdown
    large_both_ways
    vectored_writes_keep_their_order
    backpressure
    many_connections
    backlog
    unaccepted_connections_are_reset
    a_cancelled_accept_loses_nothing
    timeouts
    ports
}

/// Something whose order shows.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}
