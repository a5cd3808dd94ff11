//! Serves the directory that the first argument names, on 127.0.0.1:2121 or where the second says, to
//! the user `guest` with the password `guest`. Without an argument it serves a scratch directory to a
//! client of its own, and ends.

use ftp_endpoint::client::{Direction, Job, Login, Policy, deliver};
use ftp_endpoint::net::Net;
use ftp_endpoint::net::real::RealNet;
use ftp_endpoint::observe::Nobody;
use ftp_endpoint::server::{Config, Rights, Table, serve};
use ftp_endpoint::store::disk::DiskStore;
use ftp_endpoint::store::memory::MemoryStore;
use ftp_proto::path::VirtualPath;
use std::error::Error;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let scratch = tempfile::tempdir()?;
    let named = arguments.next();
    let root = named.as_ref().map_or(scratch.path(), |name| name.as_ref());
    let on = arguments
        .next()
        .unwrap_or_else(|| String::from(if named.is_some() { "127.0.0.1:2121" } else { "127.0.0.1:0" }));

    let net = RealNet::new();
    let listener = net.listen(on.parse()?).await?;
    let address = listener.local_addr()?;
    let accounts = Table::new().with_user("guest", "guest", DiskStore::open(root)?, Rights::ALL);
    let server = serve(net, listener, Arc::new(Config::new(accounts)), Arc::new(Nobody));
    println!("{} on ftp://guest:guest@{address}", root.display());
    if named.is_some() {
        return Ok(server.await?);
    }

    std::fs::write(root.join("hello.txt"), "hello\n")?;
    let here = MemoryStore::new();
    let name = VirtualPath::root().join("hello.txt")?;
    let jobs = [Job { local: name.clone(), remote: "hello.txt".into() }];
    let policy = Policy { direction: Direction::Get, ..Policy::default() };
    let login = Login::new("guest", "guest");
    tokio::select! {
        biased;
        ended = server => ended?,
        report = deliver(&net, &here, address, &login, &jobs, &policy) => {
            assert!(report.failed().next().is_none(), "{report:?}");
            println!("fetched: {:?}", String::from_utf8_lossy(&here.get(&name).expect("a file")));
        }
    }
    Ok(())
}
