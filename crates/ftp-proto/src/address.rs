//! Addresses of data connections in commands and replies: PORT and 227 (RFC 959 sections 4.1.2 and
//! 5.3.2), EPRT and 229 (RFC 2428).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

/// Why an address of a data connection cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// PORT's argument or 227's text (RFC 959 section 5.3.2).
    #[error("expected six numbers h1,h2,h3,h4,p1,p2, each 0 to 255")]
    HostPort,
    /// EPRT's argument or 229's text (RFC 2428).
    #[error("expected <d>protocol<d>address<d>port<d>")]
    Extended,
    /// Answered by 522 (RFC 2428 section 2).
    #[error("network protocol not supported, use (1,2)")]
    Protocol,
}

/// `h1,h2,h3,h4,p1,p2`, PORT's argument.
pub fn host_port(address: SocketAddrV4) -> String {
    let [h1, h2, h3, h4] = address.ip().octets();
    let [p1, p2] = address.port().to_be_bytes();
    format!("{h1},{h2},{h3},{h4},{p1},{p2}")
}

/// Reads PORT's argument; strictly six numbers.
pub fn parse_host_port(argument: &str) -> Result<SocketAddrV4, AddressError> {
    let mut numbers = [0u8; 6];
    let mut parts = argument.split(',');
    for number in &mut numbers {
        let part = parts.next().ok_or(AddressError::HostPort)?;
        *number = decimal(part).ok_or(AddressError::HostPort)?;
    }
    if parts.next().is_some() {
        return Err(AddressError::HostPort);
    }
    Ok(address_of(numbers))
}

/// The text of a 227 reply, after its code.
pub fn passive_text(address: SocketAddrV4) -> String {
    format!("Entering Passive Mode ({}).", host_port(address))
}

/// Finds host and port in the text of a 227 reply. RFC 1123 section 4.1.2.6: the format is not
/// standardised, the parentheses may be missing, a client must scan for the first digit.
pub fn parse_passive(text: &str) -> Result<SocketAddrV4, AddressError> {
    let begins = |at: usize| {
        let bytes = text.as_bytes();
        bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_digit())
    };
    (0..text.len())
        .filter(|&at| begins(at))
        .find_map(|at| six_numbers(&text[at..]))
        .ok_or(AddressError::HostPort)
}

/// Six numbers with commas (and blanks) between them at the start of `text`.
fn six_numbers(text: &str) -> Option<SocketAddrV4> {
    let mut numbers = [0u8; 6];
    let mut rest = text;
    for (index, number) in numbers.iter_mut().enumerate() {
        if index > 0 {
            rest = rest.trim_start_matches(' ').strip_prefix(',')?.trim_start_matches(' ');
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        *number = decimal(&rest[..digits])?;
        rest = &rest[digits..];
    }
    Some(address_of(numbers))
}

fn address_of([h1, h2, h3, h4, p1, p2]: [u8; 6]) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(h1, h2, h3, h4), u16::from_be_bytes([p1, p2]))
}

/// Digits only: no sign, no blank.
fn decimal<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `|1|132.235.1.2|6275|`, EPRT's argument (RFC 2428 section 2).
pub fn extended(address: SocketAddr) -> String {
    let protocol = if address.is_ipv4() { 1 } else { 2 };
    format!("|{protocol}|{}|{}|", address.ip(), address.port())
}

/// Reads EPRT's argument.
pub fn parse_extended(argument: &str) -> Result<SocketAddr, AddressError> {
    let [protocol, address, port] = fields(argument)?;
    let ip = match protocol {
        "1" => IpAddr::V4(address.parse().map_err(|_| AddressError::Extended)?),
        "2" => IpAddr::V6(address.parse().map_err(|_| AddressError::Extended)?),
        number if decimal::<u16>(number).is_some() => return Err(AddressError::Protocol),
        _ => return Err(AddressError::Extended),
    };
    Ok(SocketAddr::new(ip, decimal(port).ok_or(AddressError::Extended)?))
}

/// The text of a 229 reply, after its code (RFC 2428 section 3: protocol and address are left out).
pub fn extended_passive_text(port: u16) -> String {
    format!("Entering Extended Passive Mode (|||{port}|)")
}

/// The port in the text of a 229 reply; its host is that of the control connection.
pub fn parse_extended_passive(text: &str) -> Result<u16, AddressError> {
    let inside = text.rsplit_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
    let [_, _, port] = fields(inside.ok_or(AddressError::Extended)?)?;
    decimal(port).filter(|&port| port != 0).ok_or(AddressError::Extended)
}

/// The three fields between four delimiters, any one ASCII character from 33 to 126.
fn fields(text: &str) -> Result<[&str; 3], AddressError> {
    let delimiter = text.chars().next().filter(|c| matches!(c, '!'..='~')).ok_or(AddressError::Extended)?;
    let parts: Vec<&str> = text.split(delimiter).collect();
    match parts.as_slice() {
        ["", a, b, c, ""] => Ok([a, b, c]),
        _ => Err(AddressError::Extended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn passive_replies_of_many_servers() {
        let wanted: SocketAddrV4 = "127.0.0.1:30003".parse().unwrap();
        for text in [
            "Entering Passive Mode (127,0,0,1,117,51).",
            "Entering Passive Mode (127,0,0,1,117,51)",
            "Entering Passive Mode 127,0,0,1,117,51",
            "=127,0,0,1,117,51",
            "Passive mode 1 OK (127, 0, 0, 1, 117, 51)",
        ] {
            assert_eq!(parse_passive(text), Ok(wanted), "{text}");
        }
        for text in ["", "Entering", "(127,0,0,1,117)", "(127,0,0,256,1,1)", "(1,2,3,4,5", "ä 1,2,3"] {
            assert_eq!(parse_passive(text), Err(AddressError::HostPort), "{text}");
        }
    }

    #[test]
    fn port_is_strict() {
        assert_eq!(parse_host_port("127,0,0,1,0,21"), Ok("127.0.0.1:21".parse().unwrap()));
        for text in
            ["127,0,0,1,0", "127,0,0,1,0,1,2", "127,0,0,1,+1,2", "127,0,0,1,0, 1", "127,0,0,1,0,256", ""]
        {
            assert!(parse_host_port(text).is_err(), "{text}");
        }
    }

    /// The examples of RFC 2428 sections 2 and 3.
    #[test]
    fn extended_examples() {
        assert_eq!(parse_extended("|1|132.235.1.2|6275|"), Ok("132.235.1.2:6275".parse().unwrap()));
        let v6 = "|2|1080::8:800:200C:417A|5282|";
        assert_eq!(parse_extended(v6), Ok("[1080::8:800:200C:417A]:5282".parse().unwrap()));
        assert_eq!(parse_extended_passive("Entering Extended Passive Mode (|||6446|)"), Ok(6446));
        assert_eq!(parse_extended_passive("ok (!!!6446!)"), Ok(6446));
    }

    #[test]
    fn extended_errors() {
        assert_eq!(parse_extended("|3|x|1|"), Err(AddressError::Protocol));
        for text in ["|+3|x|1|", "|1|1.2.3.4|+21|", "|1|1.2.3.4|000021|"] {
            assert_eq!(parse_extended(text), Err(AddressError::Extended), "{text}");
        }
        for text in ["", "|1|1.2.3.4|99999|", "|1|::1|1|", "|1|1.2.3.4|1", " 1 1.2.3.4 1 ", "|x|1.2.3.4|1|"] {
            assert_eq!(parse_extended(text), Err(AddressError::Extended), "{text}");
        }
        for text in ["", "()", "(|||)", "(||||)", "(|||0|)", "(|||65536|)"] {
            assert!(parse_extended_passive(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_ways(ip: [u8; 4], v6: [u8; 16], port: u16) {
            let v4 = SocketAddrV4::new(ip.into(), port);
            prop_assert_eq!(parse_host_port(&host_port(v4)), Ok(v4));
            prop_assert_eq!(parse_passive(&passive_text(v4)), Ok(v4));
            prop_assert_eq!(parse_extended(&extended(v4.into())), Ok(v4.into()));
            let v6 = SocketAddr::new(IpAddr::from(v6), port);
            prop_assert_eq!(parse_extended(&extended(v6)), Ok(v6));
            prop_assume!(port != 0);
            prop_assert_eq!(parse_extended_passive(&extended_passive_text(port)), Ok(port));
        }

        #[test]
        fn any_text_ends(text in "\\PC{0,60}") {
            let _ = (parse_passive(&text), parse_extended(&text), parse_extended_passive(&text));
        }
    }
}
