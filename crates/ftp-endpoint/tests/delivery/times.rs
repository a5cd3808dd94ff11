//! Times of modification that delivered files are to have.

use super::*;
use std::collections::BTreeMap;

/// All but the last get one.
fn times(files: &[(String, Vec<u8>)]) -> BTreeMap<String, (i64, u32)> {
    let names = files.iter().enumerate().take(files.len() - 1);
    names.map(|(index, (name, _))| (name.clone(), (1_000_000_000 + index as i64, 5))).collect()
}

#[tokio::test]
async fn every_policy_sets_the_times_that_were_asked_for() {
    let files = files();
    let jobs: Vec<Job> =
        files.iter().map(|(name, _)| Job { local: path(name), remote: name.clone() }).collect();
    let (net, login) = (RealNet::new(), Login::new("me", "secret"));
    for policy in policies() {
        let world = World::new().await;
        let (from, to) = world.ends(policy.direction);
        for (name, content) in &files {
            write(from, name, content).await;
        }
        let delivery = Delivery::new(&net, &world.here, world.address, &login).policy(&policy);
        let report = delivery.modified(times(&files)).deliver(&jobs).await;
        assert_eq!(report.failed().next(), None, "{policy:?}");
        assert!(report.files.iter().all(|file| file.untimed.is_none() && file.attempts == 1), "{policy:?}");
        for (name, content) in &files {
            assert!(&read(to, name).await == content, "{name} {policy:?}");
            let modified = to.metadata(&path(name)).await.unwrap().modified;
            match times(&files).get(name) {
                Some((seconds, _)) => assert_eq!(modified, Some((*seconds, 0)), "{name} {policy:?}"),
                None => assert_ne!(modified.map(|(seconds, _)| seconds / 1_000_000), Some(1_000)),
            }
        }
    }
}

/// Fourteen digits have no room for the year 10000.
#[tokio::test]
async fn a_year_that_no_command_can_carry_is_not_sent() {
    let (net, login) = (RealNet::new(), Login::new("me", "secret"));
    for policy in policies().into_iter().filter(|policy| policy.direction == Direction::Put) {
        let world = World::new().await;
        write(&world.here, "f", b"x").await;
        let jobs = [Job { local: path("f"), remote: "f".to_owned() }];
        let modified = BTreeMap::from([("f".to_owned(), (253_402_300_800, 0))]);
        let delivery = Delivery::new(&net, &world.here, world.address, &login).policy(&policy);
        let report = delivery.modified(modified).deliver(&jobs).await;
        assert_eq!(report.failed().next(), None, "{policy:?}");
        let untimed = report.files[0].untimed.as_deref().unwrap_or_default();
        assert!(untimed.contains("no command can carry it"), "{untimed} {policy:?}");
    }
}
