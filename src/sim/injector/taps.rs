//! What the injector does to the hosts: to what their processes write and read on sockets and disks.

use super::{Connection, Injector, Stage, State};
use crate::sim::disk::Access;
use crate::sim::fault::Act;
use crate::sim::time::SimTime;
use crate::sim::tls::Record;
use ftp_endpoint::observe::Who;
use std::net::SocketAddr;
use turmoil_tcp::network::SimNet;

/// What a sender writes.
#[derive(Clone, Copy)]
enum Written<'a> {
    /// At this stream offset.
    Clear(u64, &'a [u8]),
    Record(&'a Record),
}

/// What the hosts' taps ask.
impl Injector {
    /// Whether the victim has come to its last byte; it dies, or goes on without the rest until its
    /// power fails.
    fn die_if_at(&self, at: SimTime, who: Who, connection: Connection, offset: u64) {
        let state = &mut *self.lock();
        if let Stage::Dying { connection: dying, at_offset } = state.stage
            && self.victim() == Some(who)
            && dying == connection
            && offset >= at_offset
        {
            if self.fault.kind.takes_power() && self.sender == who {
                // What has been written has time to leave.
                self.doom_at(state, at + self.one_way, who);
            } else {
                self.kill(state, at, who);
            }
        }
    }

    /// Looks for the place of the fault in what is about to be written.
    fn look(&self, state: &mut State, at: SimTime, connection: Connection, written: Written<'_>) {
        self.chart(state, at, |chart| match written {
            Written::Clear(offset, bytes) => chart.show(connection, offset, bytes),
            Written::Record(record) => chart.show_record(connection, record),
        });
        let Stage::Locating { connection: target, locator } = &mut state.stage else { return };
        if *target != connection {
            return;
        }
        let found = match written {
            Written::Clear(offset, bytes) => locator.feed(offset, bytes),
            Written::Record(record) => locator.feed_record(record),
        };
        // What our own encoder wrote is well-formed; a codec's defect shows in other tests.
        if let Ok(Some(found)) = found {
            self.located(state, at, connection, found);
        }
    }

    /// How many of the bytes the process lives to write; arms the fault when its place is known.
    fn room(&self, at: SimTime, connection: Connection, offset: u64, bytes: &[u8]) -> usize {
        let state = &mut *self.lock();
        match &mut state.records {
            None => self.look(state, at, connection, Written::Clear(offset, bytes)),
            Some(records) => {
                for record in records.entry(connection).or_default().feed(offset, bytes) {
                    self.look(state, at, connection, Written::Record(&record));
                }
            }
        }
        match state.stage {
            Stage::Dying { connection: dying, at_offset }
                if dying == connection && self.victim() == Some(self.sender) =>
            {
                let room = usize::try_from(at_offset.saturating_sub(offset)).unwrap_or(usize::MAX);
                room.min(bytes.len())
            }
            // It is as good as dead.
            Stage::Doomed { who, .. } if who == self.sender && !self.fault.trigger.is_moment() => 0,
            _ => bytes.len(),
        }
    }

    /// The sender is about to write; how many bytes it lives to write.
    pub fn on_write(
        &self,
        net: &SimNet,
        local: SocketAddr,
        peer: SocketAddr,
        offset: u64,
        bytes: &[u8],
    ) -> usize {
        let room = self.room(net.now().into(), (local, peer), offset, bytes);
        if room == 0 {
            self.die_if_at(net.now().into(), self.sender, (local, peer), offset);
        }
        room
    }

    /// The sender has written.
    pub fn on_written(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, end: u64) {
        {
            let state = &mut *self.lock();
            if let Some((flow, written)) = &mut state.flow
                && *flow == (local, peer)
            {
                *written = end;
            }
        }
        self.die_if_at(net.now().into(), self.sender, (local, peer), end);
    }

    /// The sender ends its stream.
    pub fn on_shutdown(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, offset: u64) {
        {
            let state = &mut *self.lock();
            self.chart(state, net.now().into(), |chart| chart.close((local, peer), offset));
            if let Stage::Stopping { who, .. } = state.stage {
                self.kill(state, net.now().into(), who);
            }
        }
        self.die_if_at(net.now().into(), self.sender, (local, peer), offset);
    }

    /// The receiver asks for what comes after `offset`; how many bytes it lives to read.
    pub fn on_read(&self, net: &SimNet, local: SocketAddr, peer: SocketAddr, offset: u64) -> usize {
        let connection = (peer, local);
        let left = match self.lock().stage {
            Stage::Dying { connection: dying, at_offset }
                if dying == connection && self.victim() == Some(self.receiver()) =>
            {
                usize::try_from(at_offset.saturating_sub(offset)).unwrap_or(usize::MAX)
            }
            _ => return usize::MAX,
        };
        if left == 0 {
            self.die_if_at(net.now().into(), self.receiver(), connection, offset);
        }
        left
    }
}

/// What the hosts' disks ask.
impl Injector {
    /// What becomes of an access by `who`, and whether the fault strikes with it.
    pub fn on_access(&self, at: SimTime, who: Who, access: Access<'_>) -> (Act, bool) {
        let state = &mut *self.lock();
        let Some(disk) = &mut state.disk else { return (Act::Go, false) };
        let file = self.names.find(access.name());
        let (act, struck) = match access {
            Access::Read { from, len, left, .. } if who == self.sender => disk.read(file, from, len, left),
            Access::Write { from, len, .. } if who != self.sender => disk.write(at, file, from, len),
            Access::Publish { .. } if who != self.sender => disk.publish(at, file),
            _ => (Act::Go, false),
        };
        if struck {
            state.fired_at.get_or_insert(at);
            self.tell(at, format_args!("{} in {}", self.fault.kind.name(), self.target_name()));
            if self.victim() == Some(who) {
                state.stage = Stage::Stopping { who, at: at + self.one_way };
                self.doom.of(who).notify_one();
            }
        }
        (act, struck)
    }
}
