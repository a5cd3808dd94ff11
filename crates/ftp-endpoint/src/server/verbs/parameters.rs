//! Transfer parameters: PORT PASV EPRT EPSV TYPE STRU MODE, and OPTS MODE Z.

use crate::net::Net;
use crate::net::canonical;
use crate::server::accounts::Accounts;
use crate::server::replies::{OpenError, Refusal};
use crate::server::session::Session;
use ftp_proto::address::{extended_passive_text, passive_text};
use ftp_proto::command::{DataType, ExtendedPassive, Format, StructureCode, mode_letter};
use ftp_proto::mode::{DeflateLevel, TransmissionMode};
use ftp_proto::reply::Reply;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::ops::RangeInclusive;

const ONLY_EPSV: Refusal = Refusal::Sequence("EPSV ALL has been given");

impl<N: Net, A: Accounts> Session<N, A> {
    fn local_ip(&self) -> IpAddr {
        canonical(self.local.ip())
    }

    /// Protocol number of the control connection (RFC 2428 section 2).
    fn protocol(&self) -> u8 {
        if self.local_ip().is_ipv4() { 1 } else { 2 }
    }

    pub(in crate::server) async fn port(&mut self, address: SocketAddr) -> Result<Reply, Refusal> {
        if self.negotiated.only_epsv {
            return Err(ONLY_EPSV);
        }
        self.data.set_active(address).await.map_err(Refusal::DataAddress)?;
        Ok(Reply::new(200, "Data port set."))
    }

    pub(in crate::server) async fn extended_port(&mut self, address: SocketAddr) -> Result<Reply, Refusal> {
        if address.is_ipv4() != self.local_ip().is_ipv4() {
            return Err(Refusal::Protocol(self.protocol()));
        }
        self.port(address).await
    }

    pub(in crate::server) async fn passive(&mut self) -> Result<Reply, Refusal> {
        if self.negotiated.only_epsv {
            return Err(ONLY_EPSV);
        }
        let IpAddr::V4(here) = self.local_ip() else {
            return Err(Refusal::NotImplemented("PASV over IPv6 (use EPSV)"));
        };
        let port = self.listen().await?;
        let address = SocketAddrV4::new(self.config.advertised_address.unwrap_or(here), port);
        Ok(Reply::new(227, passive_text(address)))
    }

    pub(in crate::server) async fn extended_passive(
        &mut self,
        protocol: ExtendedPassive,
    ) -> Result<Reply, Refusal> {
        match (protocol, self.protocol()) {
            (ExtendedPassive::All, _) => {
                self.negotiated.only_epsv = true;
                return Ok(Reply::new(200, "Only EPSV from now on."));
            }
            (ExtendedPassive::V4, 2) => return Err(Refusal::Protocol(2)),
            (ExtendedPassive::V6, 1) => return Err(Refusal::Protocol(1)),
            _ => {}
        }
        let port = self.listen().await?;
        Ok(Reply::new(229, extended_passive_text(port)))
    }

    async fn listen(&mut self) -> Result<u16, Refusal> {
        let address = match self.config.passive_ports.clone() {
            None => self.data.set_passive([0].into_iter()).await,
            Some(range) => {
                self.passive_tries += 1;
                let seed = self.config.passive_seed
                    ^ self.number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    ^ self.passive_tries.wrapping_mul(0xD1B5_4A32_D192_ED03);
                self.data.set_passive(in_hidden_order(range, seed)).await
            }
        };
        Ok(address.map_err(OpenError::Io)?.port())
    }

    pub(in crate::server) fn set_type(&mut self, data_type: DataType) -> Result<Reply, Refusal> {
        match data_type {
            // Files have no print format here: T is N (RFC 1123 section 4.1.2.2), and C's control
            // characters are the first of their lines like any others (RFC 959 section 3.1.1.5.3).
            DataType::Ascii(Format::NonPrint | Format::Telnet | Format::CarriageControl)
            | DataType::Ebcdic(Format::NonPrint | Format::Telnet | Format::CarriageControl)
            | DataType::Image
            | DataType::Local(8) => {}
            _ => return Err(Refusal::Parameter(format!("TYPE {data_type} is not implemented"))),
        }
        self.negotiated.data_type = data_type;
        Ok(Reply::new(200, format!("Type set to {data_type}.")))
    }

    pub(in crate::server) async fn set_structure(&mut self, code: StructureCode) -> Result<Reply, Refusal> {
        let StructureCode::Known(structure) = code else {
            return Err(Refusal::Parameter("page structure is not implemented".to_owned()));
        };
        if self.negotiated.structure != structure {
            self.data.close().await;
        }
        self.negotiated.structure = structure;
        Ok(Reply::new(200, format!("Structure set to {}.", code.letter())))
    }

    pub(in crate::server) async fn set_mode(&mut self, mode: TransmissionMode) -> Result<Reply, Refusal> {
        if mode == TransmissionMode::Deflate && !self.config.deflate {
            return Err(Refusal::Parameter("deflate mode is not offered".to_owned()));
        }
        if self.negotiated.mode != mode {
            self.data.close().await;
        }
        self.negotiated.mode = mode;
        Ok(Reply::new(200, format!("Mode set to {}.", mode_letter(mode))))
    }

    /// OPTS MODE Z (draft-preston-ftpext-deflate-02 section 3.6): names and values, all of which are taken
    /// or none; without any, the defaults come back. There is one engine with one method here.
    pub(in crate::server) fn set_deflate_options(&mut self, argument: &str) -> Result<Reply, Refusal> {
        let mut words = argument.split([' ', ',']).filter(|word| !word.is_empty()).peekable();
        if !words.next().is_some_and(|mode| mode.eq_ignore_ascii_case("Z")) {
            return Err(Refusal::Syntax("only MODE Z has options"));
        }
        let (mut level, mut said) = match words.peek() {
            None => (DeflateLevel::default(), "MODE Z has its defaults".to_owned()),
            Some(_) => (self.negotiated.deflate_level, String::new()),
        };
        while let Some(name) = words.next().map(str::to_ascii_uppercase) {
            let value = words.next().unwrap_or_default().to_ascii_uppercase();
            let is_valid = match name.as_str() {
                "LEVEL" => {
                    let number = value.parse().ok().filter(|_| value.bytes().all(|it| it.is_ascii_digit()));
                    let given = number.and_then(|number: u32| DeflateLevel::try_from(number).ok());
                    level = given.unwrap_or(level);
                    given.is_some()
                }
                "ENGINE" => value == "ZLIB",
                "METHOD" => value == "8",
                _ => return Err(Refusal::Setting(format!("MODE Z {name} is not available"))),
            };
            if !is_valid {
                return Err(Refusal::Setting(format!("MODE Z {name} {value} is invalid")));
            }
            said = format!("MODE Z {name} set to {value}");
        }
        self.negotiated.deflate_level = level;
        Ok(Reply::new(200, format!("{said}.")))
    }
}

/// Each port once, in an order that a stranger cannot guess (RFC 2577 section 8): a first one and
/// a stride drawn by SplitMix64. Nothing is laid out beforehand, for a range may be wide.
fn in_hidden_order(ports: RangeInclusive<u16>, seed: u64) -> impl Iterator<Item = u16> {
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut draw = state;
        draw = (draw ^ (draw >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        draw = (draw ^ (draw >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        draw ^ (draw >> 31)
    };
    let (low, count) = (*ports.start(), ports.len() as u64);
    let first = draw() % count.max(1);
    let mut stride = 1 + draw() % count.max(1);
    while gcd(stride, count) > 1 {
        stride += 1;
    }
    (0..count).map(move |step| low + ((first + step * stride) % count) as u16)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_passive_port_comes_once_and_seeds_differ() {
        for ports in [2000..=2000, 2000..=2001, 2000..=2099, 10_000..=32_767, 1024..=u16::MAX] {
            for seed in 0..20 {
                let mut tried: Vec<u16> = in_hidden_order(ports.clone(), seed).collect();
                tried.sort_unstable();
                assert!(tried.iter().copied().eq(ports.clone()), "{ports:?} {seed}");
            }
        }
        let firsts: std::collections::BTreeSet<_> =
            (0..100).filter_map(|seed| in_hidden_order(10_000..=32_767, seed).next()).collect();
        assert!(firsts.len() > 90);
    }

    /// As another program draws them, whose SplitMix64 gives the published numbers for seed 0 (0xE220A8397B1DCDAF,
    /// 0x6E789E6AA1B965F4).
    #[test]
    fn the_order_is_drawn_by_splitmix64() {
        for (ports, seed, expected) in [
            (10_000..=32_767, 0, [23_215, 31_204, 16_425, 24_414]),
            (2_000..=2_099, 7, [2_087, 2_094, 2_001, 2_008]),
            (1_024..=u16::MAX, 0xDEAD_BEEF_CAFE_F00D, [40_651, 22_518, 4_385, 50_764]),
        ] {
            let first: Vec<u16> = in_hidden_order(ports, seed).take(4).collect();
            assert_eq!(first, expected, "{seed:#x}");
        }
    }
}
