//! A request and its answer over a path that loses packets: every packet as the router saw it, and
//! how long it took. The same seed prints the same lines on every machine.

use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil_tcp::segment::TcpHeader;
use turmoil_tcp::{Capture, NetworkConfig, PathConfig, SERVER_IP, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = PathConfig {
        rtt_us: 50_000,
        bandwidth_bits_per_s: 10_000_000,
        queue_bytes: 64_000,
        loss_ppm: 100_000,
        impairments: Default::default(),
    };
    let watch = Arc::new(Capture::default());
    let config = NetworkConfig::new(path, 8, 60_000_000);
    let report = run(
        &config,
        watch.clone(),
        |net, _| async move {
            let mut stream = net.connect(None, (SERVER_IP, 80).into()).await.expect("a connection");
            stream.write_all(b"GET /page\n").await.expect("a request sent");
            let mut page = Vec::new();
            stream.read_to_end(&mut page).await.expect("a whole answer");
            println!("{} bytes after {:?}", page.len(), net.now());
        },
        |net, _| async move {
            let listener = net.listen((SERVER_IP, 80).into()).await.expect("a free port");
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut request = [0; 10];
            stream.read_exact(&mut request).await.expect("a request");
            stream.write_all(&[b'.'; 20_000]).await.expect("an answer sent");
        },
    )?;
    for packet in watch.packets() {
        let Some(header) = TcpHeader::read(&packet.bytes) else { continue };
        let (ms, way, len) = (packet.at_ns as f64 / 1e6, packet.direction.name(), header.payload_len());
        println!("{ms:9.3} ms {way:>4} seq {:>10} len {len:>4} {:?}", header.seq, packet.fate);
    }
    println!("{:?}, {} segments sent again", report.end, report.retransmits());
    Ok(())
}
