//! The ways that may be open: contenders of `sims/advise.toml`, as they are with this server.

use super::features::{Feature, Features};
use crate::sim::scenario::{Direction, Publish, Scenario, TlsEnd, TlsSpec, VariantSpec, Verify};

/// What tells contenders and faults.
const SCENARIO: &str = "advise";

/// All contenders, as they are in that direction: a download has no temporary name at the server.
pub(super) fn all(direction: Direction) -> Vec<VariantSpec> {
    let mut all: Vec<VariantSpec> = Vec::new();
    for mut variant in scenario().variants {
        if direction == Direction::Get && variant.publish == Publish::Rename {
            variant.publish = Publish::Direct;
            if variant.verify == Verify::Reply {
                // What is left is stream mode alone.
                continue;
            }
            variant.name = variant.name.replace("rename", "size");
            variant.note =
                variant.note.replace("another name until SIZE tells that the file is whole", "SIZE compared");
            variant.note =
                variant.note.replace("another name until HASH tells that the file is whole", "HASH compared");
        }
        if all.iter().all(|known| known.name != variant.name) {
            all.push(variant);
        }
    }
    all
}

/// The contender as it is with a server that has `features`: what it lacks of good habits, nobody can ask it, and
/// is taken for lacking where it is not known to be there.
pub(super) fn with_server(variant: &VariantSpec, direction: Direction, features: &Features) -> VariantSpec {
    let mut variant = variant.clone();
    if direction == Direction::Put {
        variant.writes_in_place |= !features.has(Feature::Hidden);
        if !features.has(Feature::CloseNotify) {
            variant.tls = variant.tls.map(|tls| TlsSpec { server_end: TlsEnd::Unasked, ..tls });
        }
    }
    variant
}

/// Round trips before the first file of a tree, for making its directories or listing them, in a session of
/// their own: connecting, greeting, USER, PASS, FEAT and QUIT; under TLS AUTH, its handshake, PBSZ and PROT.
pub(super) fn round_trips_before(variant: &VariantSpec, direction: Direction, directories: u64) -> u64 {
    if directories == 0 {
        return 0;
    }
    let session = 6 + if variant.tls.is_some() { 4 } else { 0 };
    match direction {
        // MKD.
        Direction::Put => session + directories,
        // PWD, CWD, PWD and CWD to see that it is one; EPSV, its connection, MLSD.
        Direction::Get => session + 4 + 3 * directories,
    }
}

/// Contenders and faults.
pub(super) fn scenario() -> Scenario {
    Scenario::load(SCENARIO).expect("an embedded scenario without errors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_ways_of_a_direction_are_the_same() {
        for direction in [Direction::Put, Direction::Get] {
            let all = all(direction);
            for (index, way) in all.iter().enumerate() {
                let same = |other: &&VariantSpec| {
                    let name = way.name.clone();
                    VariantSpec { name, note: way.note.clone(), ..(*other).clone() } == *way
                };
                assert!(!all[..index].iter().any(|other| same(&other)), "{direction:?}: {}", way.name);
            }
        }
        let get: Vec<String> = all(Direction::Get).into_iter().map(|way| way.name).collect();
        assert!(get.contains(&"stream-size-4".to_owned()) && !get.iter().any(|name| name.contains("rename")));
    }

    #[test]
    fn what_a_server_is_not_known_to_do_is_not_counted_upon() {
        let scenario = scenario();
        let tls = scenario.variant("stream-tls").unwrap();
        let plain: Features = "clear,tls".parse().unwrap();
        let with = with_server(tls, Direction::Put, &plain);
        assert!(with.writes_in_place && !with.tls.unwrap().is_strict());
        let with = with_server(tls, Direction::Put, &Features::ours());
        assert_eq!(with, *tls);
        assert_eq!(with_server(tls, Direction::Get, &plain), *tls, "the client is ours");
    }
}
