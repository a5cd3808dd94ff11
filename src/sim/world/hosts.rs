//! The path of a world and the hosts on it.

use super::World;
use std::sync::Arc;
use turmoil_tcp::network::{Network, NetworkConfig, SimNet};
use turmoil_tcp::path::PathConfig;

impl World {
    pub(super) fn network_config(&self) -> NetworkConfig {
        let spec = &self.case.path;
        let path = PathConfig {
            rtt_us: spec.rtt_us,
            bandwidth_bits_per_s: spec.bandwidth_bits_per_s,
            queue_bytes: spec.queue_bytes,
            loss_ppm: spec.loss_ppm + self.case.fault.kind.loss_ppm(),
            impairments: spec.impairments(),
        };
        let mut config = NetworkConfig::new(path, self.case.seed, self.case.limits.virtual_time_us);
        config.tcp.flow.algorithm = spec.congestion;
        // A trace's hash is of all bytes of all packets.
        config.tcp.checksums = self.keep.trace_hash || self.keep.packets;
        config
    }

    /// The hosts: the client's, the server's, and those of strangers elsewhere.
    pub(super) fn network(self: Arc<Self>, config: &NetworkConfig) -> Network {
        let mut network = Network::new(config, self.recorder.clone());
        let (client, server) = (self.clone(), self.clone());
        network.client("client", move |net, router| client.client_host(net, router));
        network.server("server", move |net, _router| server.server_host(net));
        let Some((stranger, among_clients)) = self.case.stranger.zip(self.stranger_elsewhere()) else {
            return network;
        };
        for number in 0..self.crowd_ahead().map_or(1, |crowd| crowd.visits) {
            let world = self.clone();
            let acts = move |net: SimNet, _router| async move { world.strange(&net, stranger).await };
            let name = if number == 0 { "stranger".to_owned() } else { format!("stranger {number}") };
            match among_clients {
                true => network.client(&name, acts),
                false => network.server(&name, acts),
            };
        }
        network
    }
}
