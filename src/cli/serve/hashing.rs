//! Passwords against their hashes (Argon2, RFC 9106), in a bounded amount of memory and in fair turns: each
//! takes 19 MiB and some 20 ms, and logins come from strangers.

use argon2::password_hash::{Decimal, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use ftp_endpoint::server::accounts::{equal, whose};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Hashes computed at a time, each in a buffer that is kept for the next.
const AT_A_TIME: usize = 4;
/// Attempts that wait, from one address and from all.
const WAITING_PER_ADDRESS: usize = 16;
const WAITING: usize = 512;
/// Of these, for addresses from which somebody has logged in: strangers, who may come from any number of addresses,
/// keep nobody out who is at home here.
const RESERVED: usize = 128;
/// Such addresses that are remembered, the latest.
const KNOWN: usize = 1024;

/// More attempts wait than can be looked at in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

#[derive(Default)]
pub(super) struct Hashing {
    turns: Mutex<Turns>,
    buffers: Mutex<Vec<Vec<Block>>>,
}

#[derive(Default)]
struct Turns {
    running: usize,
    /// Those who wait, by address; none but those in `next`.
    waiting: BTreeMap<IpAddr, VecDeque<oneshot::Sender<Permit>>>,
    /// Addresses that have somebody waiting, each once, the next one first.
    next: VecDeque<IpAddr>,
    /// From which somebody has logged in.
    known: BTreeSet<IpAddr>,
    /// The same, the latest last.
    latest: VecDeque<IpAddr>,
}

/// A turn; the next one's when it is dropped.
struct Permit(Arc<Hashing>);

impl Hashing {
    /// Whether `phc` is the hash of `password`. The work is left undone if this is dropped before its turn.
    pub(super) async fn matches(
        self: &Arc<Self>,
        address: IpAddr,
        phc: &str,
        password: &str,
    ) -> Result<bool, Busy> {
        let permit = self.turn(whose(address)).await?;
        let (phc, password) = (phc.to_owned(), password.to_owned());
        let computed = tokio::task::spawn_blocking(move || permit.0.computed(&phc, password.as_bytes()));
        Ok(computed.await.ok().flatten().unwrap_or(false))
    }

    /// Somebody has logged in from there.
    pub(super) fn remember(&self, address: IpAddr) {
        self.lock().remember(whose(address));
    }

    async fn turn(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Busy> {
        let turn = {
            let mut turns = self.lock();
            if turns.running < AT_A_TIME {
                turns.running += 1;
                return Ok(Permit(self.clone()));
            }
            turns.wait(address)?
        };
        turn.await.map_err(|_| Busy)
    }

    fn lock(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: it is no hash that can be computed.
    fn computed(&self, phc: &str, password: &[u8]) -> Option<bool> {
        let hash = PasswordHash::new(phc).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm).ok()?;
        let version: Option<Decimal> = hash.version;
        let version = version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let mut salt = [0; 64];
        let salt = hash.salt?.decode_b64(&mut salt).ok()?;
        let right = hash.hash?;
        let mut found = vec![0; right.len()];
        let mut blocks = self.buffers().pop().unwrap_or_default();
        if blocks.len() < params.block_count() {
            blocks.resize(params.block_count(), Block::default());
        }
        let argon2 = Argon2::new(algorithm, version, params);
        let done = argon2.hash_password_into_with_memory(password, salt, &mut found, &mut blocks);
        self.buffers().push(blocks);
        done.is_ok().then(|| equal(&found, right.as_bytes()))
    }

    fn buffers(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turns {
    fn remember(&mut self, address: IpAddr) {
        if !self.known.insert(address) {
            self.latest.retain(|known| *known != address);
        }
        self.latest.push_back(address);
        if self.latest.len() > KNOWN
            && let Some(oldest) = self.latest.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn wait(&mut self, address: IpAddr) -> Result<oneshot::Receiver<Permit>, Busy> {
        let is_new = !self.waiting.contains_key(&address);
        let own = self.waiting.get_mut(&address).map_or(0, |own| {
            own.retain(|waiting| !waiting.is_closed());
            own.len()
        });
        let is_known = |address: &IpAddr| self.known.contains(address);
        let (mut all, mut strangers) = (0, 0);
        for (address, waiting) in &self.waiting {
            all += waiting.len();
            strangers += if is_known(address) { 0 } else { waiting.len() };
        }
        let has_room = all < WAITING && (is_known(&address) || strangers < WAITING - RESERVED);
        if own >= WAITING_PER_ADDRESS || !has_room && !self.displace(own) {
            return Err(Busy);
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.entry(address).or_default().push_back(sender);
        if is_new {
            self.next.push_back(address);
        }
        Ok(receiver)
    }

    /// Where all places are taken: of the strangers the one that has most of them loses its latest, if it keeps more than
    /// `own`, which the newcomer has. So some strangers keep out no others, however many attempts they make.
    fn displace(&mut self, own: usize) -> bool {
        let known = &self.known;
        let strangers = self.waiting.iter_mut().filter(|(address, _)| !known.contains(*address));
        let most = strangers.map(|(_, waiting)| waiting).max_by_key(|waiting| waiting.len());
        most.filter(|most| most.len() > own + 1).and_then(VecDeque::pop_back).is_some()
    }

    /// Who is next: addresses take turns, whatever their number of attempts.
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        while let Some(address) = self.next.pop_front() {
            let Some(own) = self.waiting.get_mut(&address) else { continue };
            let sender = own.pop_front();
            if own.is_empty() {
                self.waiting.remove(&address);
            } else {
                self.next.push_back(address);
            }
            // Whoever has gone needs no turn.
            if let Some(sender) = sender.filter(|sender| !sender.is_closed()) {
                return Some(sender);
            }
        }
        self.running -= 1;
        None
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        loop {
            let Some(next) = self.0.lock().next() else { return };
            match next.send(Permit(self.0.clone())) {
                Ok(()) => return,
                // It went in this moment; the turn is still to be given away.
                Err(permit) => std::mem::forget(permit),
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// Nobody's hash is computed until what this gives is dropped.
    pub(in crate::cli::serve) async fn held(hashing: &Arc<Hashing>) -> impl Sized + use<> {
        all_taken(hashing).await
    }

    /// Hashes that are still to be computed.
    pub(in crate::cli::serve) fn waiting(hashing: &Hashing) -> usize {
        hashing.lock().waiting.values().map(VecDeque::len).sum()
    }

    async fn all_taken(hashing: &Arc<Hashing>) -> Vec<Permit> {
        let mut taken = Vec::new();
        for _ in 0..AT_A_TIME {
            taken.push(hashing.turn(address(1)).await.ok().unwrap());
        }
        taken
    }

    #[tokio::test]
    async fn addresses_take_turns_and_the_gone_take_none() {
        let hashing = Arc::new(Hashing::default());
        let mut taken = all_taken(&hashing).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let wait = |host: u8, name: &'static str| {
            let (hashing, order) = (hashing.clone(), order.clone());
            async move {
                let permit = hashing.turn(address(host)).await.ok().unwrap();
                order.lock().unwrap().push(name);
                drop(permit);
            }
        };
        let mut waiting = Vec::new();
        for name in ["first", "second", "third"] {
            waiting.push(tokio::spawn(wait(1, name)));
            tokio::task::yield_now().await;
        }
        let gone = tokio::spawn(wait(2, "gone"));
        tokio::task::yield_now().await;
        waiting.push(tokio::spawn(wait(3, "other")));
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(taken.pop());
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["first", "other", "second", "third"]);
        drop(taken);
        assert_eq!(hashing.lock().running, 0);
        assert!(hashing.lock().waiting.is_empty() && hashing.lock().next.is_empty());
    }

    #[tokio::test]
    async fn what_waits_is_bounded_by_address_and_in_all() {
        let hashing = Arc::new(Hashing::default());
        let taken = all_taken(&hashing).await;
        let mut waiting: Vec<_> = Vec::new();
        for _ in 0..WAITING_PER_ADDRESS {
            waiting.push(hashing.lock().wait(address(1)).unwrap());
        }
        assert!(hashing.lock().wait(address(1)).is_err());
        assert!(hashing.lock().wait(address(2)).is_ok(), "another address");
        // One that has gone makes room.
        waiting.pop();
        waiting.push(hashing.lock().wait(address(1)).unwrap());
        let mut host = 3;
        while let Ok(one) = hashing.lock().wait(address(host)) {
            waiting.push(one);
            host = host.checked_add(1).unwrap_or(3);
        }
        assert_eq!(super::tests::waiting(&hashing), WAITING - RESERVED);
        drop(waiting);
        drop(taken);
        assert_eq!(hashing.lock().running, 0);
    }

    #[tokio::test]
    async fn strangers_from_everywhere_keep_out_nobody_who_has_been_here() {
        let hashing = Arc::new(Hashing::default());
        let taken = all_taken(&hashing).await;
        let at_home = |host: u8| IpAddr::from([192, 0, 2, host]);
        (0..2).for_each(|_| (0..20).for_each(|host| hashing.remember(at_home(host))));
        let stranger = |number: u16| IpAddr::from([10, 1, (number >> 8) as u8, number as u8]);
        let mut waiting: Vec<_> =
            (0..1000).filter_map(|number| hashing.lock().wait(stranger(number)).ok()).collect();
        assert_eq!(waiting.len(), WAITING - RESERVED);
        for host in 0..8 {
            for _ in 0..WAITING_PER_ADDRESS {
                waiting.push(hashing.lock().wait(at_home(host)).unwrap());
            }
        }
        assert!(hashing.lock().wait(at_home(8)).is_err(), "those are bounded, too");
        assert!(hashing.lock().wait(stranger(1000)).is_err());
        let turns = hashing.lock();
        assert_eq!(turns.waiting.len(), turns.next.len(), "who is refused leaves nothing");
        drop(turns);
        drop((waiting, taken));
        // However many have been here, so many are remembered, and the latest.
        (0..KNOWN as u16).for_each(|number| hashing.remember(stranger(number)));
        let turns = hashing.lock();
        assert_eq!((turns.known.len(), turns.latest.len()), (KNOWN, KNOWN));
        assert!(!turns.known.contains(&at_home(0)));
    }

    #[tokio::test]
    async fn some_strangers_keep_out_no_other() {
        let hashing = Arc::new(Hashing::default());
        let taken = all_taken(&hashing).await;
        let addresses = ((WAITING - RESERVED) / WAITING_PER_ADDRESS) as u8;
        let mut waiting = Vec::new();
        for _ in 0..WAITING_PER_ADDRESS {
            waiting.extend((0..addresses).map(|host| hashing.lock().wait(address(host)).unwrap()));
        }
        let newcomers: Vec<_> =
            (100..200).map(|host| hashing.lock().wait(address(host)).expect("there is room")).collect();
        assert_eq!(super::tests::waiting(&hashing), WAITING - RESERVED);
        let gone = waiting.iter_mut().filter_map(|waiting| waiting.try_recv().err());
        let gone = gone.filter(|why| *why == oneshot::error::TryRecvError::Closed).count();
        assert_eq!(gone, newcomers.len());
        let turns = hashing.lock();
        let lengths: BTreeSet<usize> = turns.waiting.values().map(VecDeque::len).collect();
        assert_eq!(lengths, [1, 11, 12].into(), "those who have most have lost them");
        assert_eq!(turns.waiting.len(), turns.next.len());
        drop(turns);
        drop((waiting, newcomers, taken));
        assert_eq!(hashing.lock().running, 0);
    }

    #[tokio::test]
    async fn a_network_of_ipv6_waits_as_one_address() {
        let hashing = Arc::new(Hashing::default());
        let taken = all_taken(&hashing).await;
        let mut tasks = tokio::task::JoinSet::new();
        let mut attempt = |address: IpAddr| {
            let hashing = hashing.clone();
            tasks.spawn(async move { hashing.matches(address, "no hash", "").await });
        };
        for host in 0..100u16 {
            attempt([0x2001, 0xdb8, 0, 1, 0, 0, 0, host].into());
        }
        for host in 0..20 {
            // So an IPv4 client looks behind an IPv6 socket: not all of them are one.
            attempt(std::net::Ipv4Addr::new(10, 0, 0, host).to_ipv6_mapped().into());
        }
        while hashing.lock().waiting.len() < 21 {
            tokio::task::yield_now().await;
        }
        drop(taken);
        let refused = tasks.join_all().await.iter().filter(|found| found.is_err()).count();
        assert_eq!(refused, 100 - WAITING_PER_ADDRESS);
    }

    #[tokio::test]
    async fn buffers_are_kept_and_no_more_than_there_are_turns() {
        let hashing = Arc::new(Hashing::default());
        let phc = crate::cli::serve::accounts::hash("right").unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for attempt in 0..12u8 {
            let (hashing, phc) = (hashing.clone(), phc.clone());
            tasks.spawn(async move {
                let password = if attempt % 3 == 0 { "right" } else { "wrong" };
                let matches = hashing.matches(address(attempt), &phc, password).await.unwrap();
                assert_eq!(matches, attempt % 3 == 0);
            });
        }
        tasks.join_all().await;
        assert!((1..=AT_A_TIME).contains(&hashing.buffers().len()), "{}", hashing.buffers().len());
    }
}
