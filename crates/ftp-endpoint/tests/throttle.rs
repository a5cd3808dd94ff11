//! A file that is moved no faster than a rate, in virtual time.

use ftp_endpoint::net::Net;
use ftp_endpoint::store::memory::MemoryStore;
use ftp_endpoint::store::{ReadFile, Store, StoreError, Write, WriteFile};
use ftp_endpoint::transfer::throttle::Throttled;
use ftp_proto::path::VirtualPath;
use std::num::NonZeroU64;
use std::time::Duration;
use testkit::memory_net::MemoryNet;

fn path() -> VirtualPath {
    VirtualPath::root().join("f").unwrap()
}

/// No wait is longer than a tenth of a second, and all of them together are those of the rate.
#[tokio::test(start_paused = true)]
async fn pieces_are_a_tenth_of_a_second_long() {
    let (store, net) = (MemoryStore::new(), MemoryNet::new([10, 0, 0, 1].into()));
    let rate = NonZeroU64::new(1_000);
    let begun = net.now();
    let mut file = Throttled::new(net.clone(), store.write(&path(), Write::Replace).await.unwrap(), rate);
    file.write(&[7; 2_500]).await.unwrap();
    file.publish().await.unwrap();
    assert_eq!(net.now() - begun, Duration::from_millis(2_500));
    let (begun, mut read, mut buffer) = (net.now(), Vec::new(), [0; 2_000]);
    let mut file = Throttled::new(net.clone(), store.read(&path(), 0).await.unwrap(), rate);
    loop {
        match file.read(&mut buffer).await.unwrap() {
            0 => break,
            len => read.push(len),
        }
    }
    assert_eq!(read, [100; 25]);
    assert_eq!(net.now() - begun, Duration::from_millis(2_500));
}

/// A file whose checkpoints are counted.
struct Counted(u32);

impl WriteFile for Counted {
    async fn write(&mut self, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }
    async fn publish(self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.0 += 1;
        if self.0 > 1 { Err(StoreError::Full) } else { Ok(()) }
    }
}

/// Restart markers are told of by it: what came before them is on stable storage.
#[tokio::test]
async fn a_checkpoint_is_one_of_the_file() {
    let net = MemoryNet::new([10, 0, 0, 1].into());
    let mut file = Throttled::new(net, Counted(0), NonZeroU64::new(1_000));
    assert!(file.checkpoint().await.is_ok());
    assert!(file.checkpoint().await.is_err(), "the second one fails");
}
