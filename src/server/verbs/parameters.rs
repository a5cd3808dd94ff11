//! Transfer parameters: PORT PASV EPRT EPSV TYPE STRU MODE.

use crate::net::Net;
use crate::proto::address::{extended_passive_text, passive_text};
use crate::proto::command::{DataType, ExtendedPassive, Format, StructureCode, mode_letter};
use crate::proto::mode::TransmissionMode;
use crate::proto::reply::Reply;
use crate::server::accounts::Accounts;
use crate::server::data::canonical;
use crate::server::replies::{OpenError, Refusal};
use crate::server::session::Session;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};

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
        if self.only_epsv {
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
        if self.only_epsv {
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
                self.only_epsv = true;
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
        let ports = match self.config.passive_ports.clone() {
            None => vec![0],
            Some(range) => self.shuffled(range.collect()),
        };
        let address = self.data.set_passive(ports.into_iter()).await.map_err(OpenError::Io)?;
        Ok(address.port())
    }

    /// In an order that a stranger cannot guess (RFC 2577 section 8): Fisher and Yates, drawing
    /// from SplitMix64.
    fn shuffled(&mut self, mut ports: Vec<u16>) -> Vec<u16> {
        self.passive_tries += 1;
        let mut state = self.config.passive_seed
            ^ self.number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ self.passive_tries.wrapping_mul(0xD1B5_4A32_D192_ED03);
        for last in (1..ports.len()).rev() {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut draw = state;
            draw = (draw ^ (draw >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            draw = (draw ^ (draw >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            draw ^= draw >> 31;
            ports.swap(last, (draw % (last as u64 + 1)) as usize);
        }
        ports
    }

    pub(in crate::server) fn set_type(&mut self, data_type: DataType) -> Result<Reply, Refusal> {
        match data_type {
            // Files have no print format here, so that T is N (RFC 1123 section 4.1.2.2).
            DataType::Ascii(Format::NonPrint | Format::Telnet)
            | DataType::Ebcdic(Format::NonPrint | Format::Telnet)
            | DataType::Image
            | DataType::Local(8) => {}
            _ => return Err(Refusal::Parameter(format!("TYPE {data_type} is not implemented"))),
        }
        self.parameters.data_type = data_type;
        Ok(Reply::new(200, format!("Type set to {data_type}.")))
    }

    pub(in crate::server) async fn set_structure(&mut self, code: StructureCode) -> Result<Reply, Refusal> {
        let StructureCode::Known(structure) = code else {
            return Err(Refusal::Parameter("page structure is not implemented".to_owned()));
        };
        if self.parameters.structure != structure {
            self.data.close().await;
        }
        self.parameters.structure = structure;
        Ok(Reply::new(200, format!("Structure set to {}.", code.letter())))
    }

    pub(in crate::server) async fn set_mode(&mut self, mode: TransmissionMode) -> Result<Reply, Refusal> {
        if self.parameters.mode != mode {
            self.data.close().await;
        }
        self.parameters.mode = mode;
        Ok(Reply::new(200, format!("Mode set to {}.", mode_letter(mode))))
    }
}
