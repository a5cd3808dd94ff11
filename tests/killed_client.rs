//! Linux closes the connections of a killed program newest first: so does the simulated kernel by default
//! (`turmoil_tcp::CloseOrder`), and what becomes of an upload whose client dies hangs on it. Seen twice: by the
//! packets, which takes CAP_NET_RAW, and by the sockets of who is left.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod common;

use common::Reaped;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net::{self, AddressFamily, RecvFlags, SocketFlags, SocketType};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const KILLS: usize = 20;
const CONTROL: u64 = 21;
const DATA: u64 = 20;

/// Answers the client's commands up to STOR, and gives both connections when the file has come; the reply of
/// its end is withheld.
fn upload_without_end(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let control = listener.accept().unwrap().0;
    control.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut lines = BufReader::new(control.try_clone().unwrap());
    let passive = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut data = None;
    let say = |text: &str| (&control).write_all(format!("{text}\r\n").as_bytes()).unwrap();
    say("220 ready");
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        match line.trim_end().split(' ').next().unwrap() {
            "USER" => say("331 password"),
            "PASS" => say("230 in"),
            "FEAT" | "OPTS" => say("502 no"),
            "EPSV" => {
                say(&format!("229 ok (|||{}|)", passive.local_addr().unwrap().port()));
                data = Some(passive.accept().unwrap().0);
            }
            "STOR" => break say("150 go"),
            "" => panic!("the client is gone"),
            _ => say("200 ok"),
        }
    }
    let mut data = data.expect("EPSV before STOR");
    data.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // RFC 959 section 3.4.2: the descriptor's end of file, the count, the file.
    let mut block = [0; 8];
    data.read_exact(&mut block).unwrap();
    assert_eq!(&block, b"\x40\x00\x05small");
    (control, data)
}

/// Source and destination of a connection's packets.
type Ports = [u16; 2];

/// Of the packets that the other end sends.
fn ports_of_peer(ours: &TcpStream) -> Ports {
    [ours.peer_addr().unwrap(), ours.local_addr().unwrap()].map(|address| address.port())
}

/// The ports of a FIN between programs of this machine; `None` for any other packet.
fn ports_of_fin(packet: &[u8]) -> Option<Ports> {
    const TCP: u8 = 6;
    const FIN: u8 = 1;
    let is_ipv4 = packet.first()? >> 4 == 4;
    let addresses = packet.get(12..20)?;
    let is_local = addresses == [Ipv4Addr::LOCALHOST.octets(), Ipv4Addr::LOCALHOST.octets()].concat();
    let header_bytes = usize::from(packet[0] & 0xf) * 4;
    let segment = packet.get(header_bytes..header_bytes + 20)?;
    let is_fin = packet[9] == TCP && segment[13] & FIN != 0;
    let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
    (is_ipv4 && is_local && is_fin).then(|| [port(0), port(2)])
}

/// All packets that leave and come from now on, from their network headers on.
struct Capture(OwnedFd);

impl Capture {
    fn begun() -> rustix::io::Result<Self> {
        let all = Some(net::eth::ALL);
        let socket = net::socket_with(AddressFamily::PACKET, SocketType::DGRAM, SocketFlags::CLOEXEC, all)?;
        net::sockopt::set_socket_timeout(
            &socket,
            net::sockopt::Timeout::Recv,
            Some(Duration::from_secs(20)),
        )?;
        Ok(Self(socket))
    }

    /// In which order FINs of two connections leave. What a loopback is given comes back, too, so that each is seen
    /// twice, and it may be sent again: the first of each counts.
    fn order_of_fins(&self, of: [Ports; 2]) -> Vec<Ports> {
        let mut order = Vec::new();
        let mut packet = [0; 128];
        let begun = Instant::now();
        while order.len() < of.len() {
            assert!(begun.elapsed() < common::LIMIT, "among all packets no FIN came");
            let (bytes, _) = net::recv(&self.0, &mut packet, RecvFlags::empty()).expect("no FIN came");
            let fin = ports_of_fin(&packet[..bytes]).filter(|fin| of.contains(fin) && !order.contains(fin));
            order.extend(fin);
        }
        order
    }
}

/// Which of the two connections ends first when the client is killed.
fn first_to_end(client: &mut Reaped, control: &TcpStream, data: &TcpStream) -> [u64; 2] {
    let epoll = epoll::create(CreateFlags::CLOEXEC).unwrap();
    let ends = EventFlags::RDHUP | EventFlags::ET;
    epoll::add(&epoll, control, EventData::new_u64(CONTROL), ends).unwrap();
    epoll::add(&epoll, data, EventData::new_u64(DATA), ends).unwrap();
    client.0.kill().unwrap();
    // The list of what is ready is in the order in which it became so.
    let mut order = Vec::new();
    let limit = rustix::event::Timespec { tv_sec: 20, tv_nsec: 0 };
    while order.len() < 2 {
        let mut events = Vec::with_capacity(2);
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&limit)).unwrap();
        assert!(!events.is_empty(), "no end came");
        order.extend(events.iter().map(|event| event.data.u64()));
    }
    order.try_into().unwrap()
}

#[test]
fn of_a_killed_client_the_data_connection_ends_first() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("f"), b"small").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ftp://u:p@{}/", listener.local_addr().unwrap());
    let captures = Capture::begun().map(drop);
    if let Err(error) = captures {
        common::skip(&format!("CAP_NET_RAW, which it takes to capture FINs ({error}),"));
    }
    for kill in 0..KILLS {
        let client = Command::new(env!("CARGO_BIN_EXE_ftpsim"))
            .args(["put", &url, "f", "--mode", "block"])
            .current_dir(home.path())
            .env("HOME", home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut client = Reaped(client.unwrap());
        let (control, data) = upload_without_end(&listener);
        let capture = captures.map(|()| Capture::begun().unwrap());
        assert_eq!(first_to_end(&mut client, &control, &data), [DATA, CONTROL], "kill {kill}");
        if let Ok(capture) = capture {
            let [control, data] = [&control, &data].map(ports_of_peer);
            assert_eq!(capture.order_of_fins([control, data]), [data, control], "kill {kill}");
        }
    }
}
