//! Passwords that were wrong: guessing is slowed by address and by user, however many sessions it is spread
//! over (RFC 2577 section 5).

use super::accounts::whose;
use super::config::Limits;
use crate::net::Time;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Longer than this no attempt waits; the session is refused instead.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// What is remembered at the most; the least guilty are forgotten first.
const REMEMBERED: usize = 10_000;

/// Wrong passwords as debts that are paid off with time: each is `Limits::guess_interval` long.
#[derive(Default)]
pub(super) struct Guesses {
    by_address: BTreeMap<IpAddr, Time>,
    /// By user and address: whoever has not guessed before does not wait for those who have.
    by_user: BTreeMap<(String, IpAddr), Time>,
    /// All addresses together, of each user.
    of_user: BTreeMap<String, Time>,
}

impl Guesses {
    /// How long an attempt has to wait; `None`: longer than anybody should.
    pub(super) fn wait(&self, address: IpAddr, user: &str, now: Time, limits: &Limits) -> Option<Duration> {
        let address = whose(address);
        let free = limits.guess_interval * limits.free_guesses;
        let of =
            |paid_off: Option<&Time>| paid_off.map_or(Duration::ZERO, |at| at.saturating_sub(now + free));
        let own = of(self.by_address.get(&address));
        // Only who has guessed at this user has a part in what all owe.
        let guilty = self.by_user.get(&(user.to_owned(), address)).is_some_and(|paid_off| *paid_off > now);
        let shared = if guilty { of(self.of_user.get(user)) } else { Duration::ZERO };
        Some(own.max(shared)).filter(|wait| *wait <= LONGEST_WAIT)
    }

    pub(super) fn wrong(&mut self, address: IpAddr, user: &str, now: Time, limits: &Limits) {
        let address = whose(address);
        let more = |paid_off: &mut Time| *paid_off = (*paid_off).max(now) + limits.guess_interval;
        more(self.by_address.entry(address).or_default());
        more(self.by_user.entry((user.to_owned(), address)).or_default());
        more(self.of_user.entry(user.to_owned()).or_default());
        forget(&mut self.by_address, now);
        forget(&mut self.by_user, now);
        forget(&mut self.of_user, now);
    }
}

/// Those whose debts are paid off, or, if that is not enough, the smaller half of the others.
fn forget<K: Ord + Clone>(debts: &mut BTreeMap<K, Time>, now: Time) {
    if debts.len() <= REMEMBERED {
        return;
    }
    debts.retain(|_, paid_off| *paid_off > now);
    if debts.len() > REMEMBERED {
        let mut all: Vec<Time> = debts.values().copied().collect();
        let (_, middle, _) = all.select_nth_unstable(REMEMBERED / 2);
        let middle = *middle;
        debts.retain(|_, paid_off| *paid_off > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits { free_guesses: 3, guess_interval: SECOND, ..Limits::default() }
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn an_address_that_guesses_waits_and_another_does_not() {
        let (mut guesses, limits, now) = (Guesses::default(), limits(), 100 * SECOND);
        for _ in 0..3 {
            assert_eq!(guesses.wait(address(1), "anna", now, &limits), Some(Duration::ZERO));
            guesses.wrong(address(1), "anna", now, &limits);
        }
        guesses.wrong(address(1), "anna", now, &limits);
        assert_eq!(guesses.wait(address(1), "anna", now, &limits), Some(SECOND));
        assert_eq!(guesses.wait(address(1), "berta", now, &limits), Some(SECOND), "whomever it guesses at");
        assert_eq!(guesses.wait(address(2), "anna", now, &limits), Some(Duration::ZERO), "not who is new");
        assert_eq!(guesses.wait(address(1), "anna", now + SECOND, &limits), Some(Duration::ZERO));
    }

    #[test]
    fn many_addresses_share_what_they_owe_to_one_user() {
        let (mut guesses, limits, now) = (Guesses::default(), limits(), 100 * SECOND);
        for host in 0..20 {
            guesses.wrong(address(host), "anna", now, &limits);
        }
        assert_eq!(guesses.wait(address(7), "anna", now, &limits), Some(17 * SECOND));
        assert_eq!(guesses.wait(address(7), "berta", now, &limits), Some(Duration::ZERO));
        assert_eq!(guesses.wait(address(99), "anna", now, &limits), Some(Duration::ZERO), "anna herself");
        for _ in 0..100 {
            guesses.wrong(address(7), "anna", now, &limits);
        }
        assert_eq!(guesses.wait(address(7), "anna", now, &limits), None, "refused rather than kept waiting");
    }

    #[test]
    fn memory_is_bounded_and_the_worst_are_remembered() {
        let (mut guesses, limits, now) = (Guesses::default(), limits(), 100 * SECOND);
        for _ in 0..50 {
            guesses.wrong(address(1), "anna", now, &limits);
        }
        for host in 0..3 * REMEMBERED as u32 {
            guesses.wrong(IpAddr::from(host.to_be_bytes()), &format!("user {host}"), now, &limits);
        }
        let sizes = [guesses.by_address.len(), guesses.by_user.len(), guesses.of_user.len()];
        assert!(sizes.iter().all(|size| *size <= REMEMBERED + 1), "{sizes:?}");
        assert_eq!(guesses.wait(address(1), "anna", now, &limits), Some(47 * SECOND));
    }

    #[test]
    fn who_has_paid_off_has_no_part_in_what_others_owe() {
        let (mut guesses, limits, now) = (Guesses::default(), limits(), 100 * SECOND);
        for host in 0..20 {
            guesses.wrong(address(host), "anna", now, &limits);
        }
        assert_eq!(guesses.wait(address(7), "anna", now + SECOND, &limits), Some(Duration::ZERO));
    }

    #[test]
    fn those_who_have_paid_off_are_forgotten_first_and_then_the_smaller_half() {
        let now = 100 * SECOND;
        let debts = |paid_off: usize, owing: usize| {
            let of = |n| (n, if n < paid_off { now } else { now + SECOND * (n as u32 + 1) });
            (0..paid_off + owing).map(of).collect::<BTreeMap<usize, Time>>()
        };
        for (paid_off, owing, left) in [
            (REMEMBERED, 0, REMEMBERED),
            (REMEMBERED - 1, 2, 2),
            (1, REMEMBERED, REMEMBERED),
            (4_000, 6_001, 6_001),
            (0, REMEMBERED + 1, REMEMBERED / 2),
        ] {
            let mut all = debts(paid_off, owing);
            forget(&mut all, now);
            assert_eq!(all.len(), left, "{paid_off} {owing}");
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_guesser() {
        let (mut guesses, limits, now) = (Guesses::default(), limits(), 100 * SECOND);
        for host in 0..5u16 {
            guesses.wrong(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]), "anna", now, &limits);
        }
        let other = IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]);
        assert_eq!(guesses.wait(other, "berta", now, &limits), Some(2 * SECOND));
        let next = IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]);
        assert_eq!(guesses.wait(next, "berta", now, &limits), Some(Duration::ZERO), "not the next network");
    }
}
