//! What each end of a connection observes of each fault, and when.

#[path = "net_faults/cuts.rs"]
mod cuts;
#[path = "net_faults/deaths.rs"]
mod deaths;
#[path = "net_faults/harness.rs"]
mod harness;
#[path = "net_faults/impairments.rs"]
mod impairments;
#[path = "net_faults/orders.rs"]
mod orders;
#[path = "net_faults/refusals.rs"]
mod refusals;
