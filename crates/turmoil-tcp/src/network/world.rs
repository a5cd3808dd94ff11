//! One run as a simulation of turmoil's: its host, on which the driver runs, and its steps.

use super::driver::{Driver, dilated};
use super::member::Member;
use super::{NetworkConfig, NetworkError, NetworkReport, Plan};
use crate::path::router::{Router, RouterHandle};
use crate::path::{PathConfig, PathObserver};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A step of turmoil's.
const STEP_US: u64 = 100_000;

/// The name of turmoil's host, which no modelled host may have.
const ROUTER: &str = "router";

/// Runs the hosts that are planned.
pub(super) fn run(
    config: &NetworkConfig,
    observer: Arc<dyn PathObserver>,
    plans: Vec<Plan>,
) -> Result<NetworkReport, NetworkError> {
    let rtt_us = config.path.rtt_us;
    if rtt_us < PathConfig::MIN_RTT_US {
        return Err(NetworkError::RttTooShort { rtt_us });
    }
    let mut names = BTreeSet::from([ROUTER]);
    if let Some(twice) = plans.iter().find(|plan| !names.insert(plan.name.as_str())) {
        return Err(NetworkError::HostName(twice.name.clone()));
    }
    let mut sim = turmoil::Builder::new()
        .tick_duration(dilated(STEP_US))
        .simulation_duration(Duration::from_secs(u32::MAX.into()))
        .rng_seed(config.seed)
        .build();
    let report = Rc::new(RefCell::new(None));
    let (config, told) = (*config, report.clone());
    sim.client(ROUTER, async move {
        let (handle, hop_ns) = (RouterHandle::default(), rtt_us * 1000 / 4);
        let router = Router::new(&config.path, hop_ns, config.seed, handle.clone(), observer);
        let member = |(index, plan)| Member::new(index, plan, config.tcp, config.seed, handle.clone());
        let members = plans.into_iter().enumerate().map(member).collect();
        let ended = Driver::new(config, members, router, hop_ns).run().await;
        *told.borrow_mut() = Some(ended);
        Ok(())
    });
    let failed = |error: Box<dyn std::error::Error>| NetworkError::Host(error.to_string());
    while !sim.step().map_err(failed)? {}
    let ended = report.take();
    ended.ok_or_else(|| NetworkError::Host("the driver ended without a report".into()))
}
