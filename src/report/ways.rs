//! A contender in words, what it needs of both ends, and the command that delivers like it: made from its
//! description, so that no page, table or sentence says otherwise.

use super::format;
use crate::sim::scenario::{Direction, Publish, Reuse, TlsEnd, TlsSpec, TlsVersion, VariantSpec, Verify};
use ftp_proto::mode::{Structure, TransmissionMode};
use ftp_proto::repr::Representation;

/// `block mode, connection kept, 16 commands ahead`.
pub fn words(variant: &VariantSpec) -> String {
    let mut parts = vec![mode(variant)];
    let mut add = |applies: bool, part: &str| {
        if applies {
            parts.push(part.to_owned());
        }
    };
    if framed(variant) {
        add(true, if variant.reuse_data_connection { "connection kept" } else { "a connection a file" });
    }
    add(variant.pipeline_depth > 1, &format!("{} commands ahead", variant.pipeline_depth));
    add(variant.parallel > 1, &format!("{} sessions at a time", variant.parallel));
    add(variant.writes_in_place, "written in place");
    add(variant.listed, "names from a listing");
    add(variant.publish == Publish::Rename, "temporary name, then renamed");
    match variant.verify {
        Verify::Size => add(true, "SIZE compared"),
        Verify::Hash => add(true, "HASH compared"),
        Verify::Reply => add(believes(variant), "the 226 is believed"),
    }
    if let Some(bytes) = variant.marker_interval_bytes {
        add(true, &format!("a restart marker each {}", format::counted(bytes.get(), "byte")));
    }
    add(variant.resume, "goes on where it was cut");
    add(variant.durable, "synced before the reply");
    add(variant.takes_cut_deflate, "a close is taken for the end");
    if let Some(tls) = variant.tls {
        add(true, ends(&tls));
        add(tls.reuse == Reuse::Off, "no TLS session resumed");
        add(!tls.client_lingers, "the client leaves tickets unread");
    }
    add(variant.retries == 0, "no file tried again");
    parts.join(", ")
}

fn mode(variant: &VariantSpec) -> String {
    let mut text = match variant.mode {
        TransmissionMode::Stream => "stream mode",
        TransmissionMode::Block => "block mode",
        TransmissionMode::Compressed => "compressed mode",
        TransmissionMode::Deflate => "MODE Z",
    }
    .to_owned();
    if variant.structure == Structure::Record {
        text += " with records";
    }
    text += match variant.representation {
        Representation::Ebcdic => " as EBCDIC",
        Representation::Ascii => " as ASCII",
        Representation::Image | Representation::Local8 => "",
    };
    if let Some(level) = variant.deflate_level {
        text += &format!(" at level {level}");
    }
    if let Some(tls) = variant.tls {
        text += &format!(" over TLS {}", version(tls.version));
    }
    text
}

fn version(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::Tls12 => "1.2",
        TlsVersion::Tls13 => "1.3",
    }
}

/// Modes that mark the end of a file can keep its connection.
fn framed(variant: &VariantSpec) -> bool {
    matches!(variant.mode, TransmissionMode::Block | TransmissionMode::Compressed)
}

/// Nothing but the reply says that a file is whole.
fn believes(variant: &VariantSpec) -> bool {
    let marked = variant.mode != TransmissionMode::Stream || variant.structure == Structure::Record;
    !marked && variant.tls.is_none()
}

fn ends(tls: &TlsSpec) -> &'static str {
    match (tls.server_end, tls.client_end) {
        (TlsEnd::Strict, TlsEnd::Strict) => "both ends demand close_notify",
        (TlsEnd::Any, _) => "a reset is taken for the end",
        (TlsEnd::Strict, _) => "the client takes a FIN for the end",
        (_, TlsEnd::Strict) => "the server takes a FIN for the end",
        _ => "both ends take a FIN for the end",
    }
}

/// What both ends must have beyond stream mode and file structure: `nothing`, `block mode`, `SIZE`.
pub fn needs(variant: &VariantSpec) -> String {
    let mut parts = Vec::new();
    match variant.mode {
        TransmissionMode::Stream => {}
        TransmissionMode::Block => parts.push("block mode"),
        TransmissionMode::Compressed => parts.push("compressed mode"),
        TransmissionMode::Deflate => parts.push("MODE Z"),
    }
    if variant.structure == Structure::Record {
        parts.push("record structure");
    }
    match variant.verify {
        Verify::Reply => {}
        Verify::Size => parts.push("SIZE"),
        Verify::Hash => parts.push("HASH"),
    }
    if variant.resume && variant.mode == TransmissionMode::Stream {
        parts.push("REST");
    }
    if let Some(tls) = variant.tls {
        parts.push(if tls.is_strict() { "TLS, close_notify demanded" } else { "TLS" });
    }
    if variant.durable {
        parts.push("a receiver that syncs");
    }
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// The command that delivers so; `None` where ftpsim offers nothing so unsafe.
pub fn command(variant: &VariantSpec, direction: Direction) -> Option<String> {
    if variant.takes_cut_deflate || variant.tls.is_some_and(|tls| !offered(&tls)) {
        return None;
    }
    let mut text = match direction {
        Direction::Put => "ftpsim put URL FILES",
        Direction::Get if variant.listed => "ftpsim get -r URL/DIRECTORY",
        Direction::Get => "ftpsim get URL/FILE",
    }
    .to_owned();
    let mut add = |applies: bool, option: &str| {
        if applies {
            text.push(' ');
            text += option;
        }
    };
    add(variant.mode != TransmissionMode::Stream, &format!("--mode {}", format::lower(variant.mode)));
    if let Some(level) = variant.deflate_level {
        add(true, &format!("--deflate-level {level}"));
    }
    add(variant.structure == Structure::Record, "--structure record");
    add(variant.representation == Representation::Ebcdic, "--type e");
    add(variant.representation == Representation::Ascii, "--type a");
    add(framed(variant) && !variant.reuse_data_connection, "--no-reuse");
    add(variant.pipeline_depth > 1, &format!("--pipeline {}", variant.pipeline_depth));
    add(variant.parallel > 1, &format!("--parallel {}", variant.parallel));
    if direction == Direction::Put {
        add(variant.publish == Publish::Rename, "--publish rename");
        add(variant.durable, "--durable");
    }
    add(variant.verify == Verify::Size, "--verify size");
    add(variant.verify == Verify::Hash, "--verify hash");
    add(variant.resume, "--resume");
    if let Some(bytes) = variant.marker_interval_bytes {
        add(true, &format!("--marker-interval {bytes}"));
    }
    if let Some(tls) = variant.tls {
        add(true, "--tls required");
        add(tls.version == TlsVersion::Tls12, "--tls-max 1.2");
    }
    add(variant.retries == 0, "--retries 0");
    Some(text)
}

/// Whether our ends would be found in such a way.
fn offered(tls: &TlsSpec) -> bool {
    tls.is_strict() && tls.client_lingers && tls.reuse != Reuse::Off
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::Scenario;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_contenders_of_a_scenario_have_the_same_words() {
        for scenario in Scenario::embedded().unwrap() {
            let all: BTreeSet<String> = scenario.variants.iter().map(words).collect();
            assert_eq!(all.len(), scenario.variants.len(), "{}: {all:#?}", scenario.name);
        }
    }

    #[test]
    fn words_needs_and_command_of_one() {
        let scenario = Scenario::load("small-files").unwrap();
        let of = |name: &str| scenario.variant(name).unwrap();
        let block = of("block-pipelined");
        assert_eq!(words(block), "block mode, connection kept, 16 commands ahead");
        assert_eq!(needs(block), "block mode");
        assert_eq!(
            command(block, Direction::Put).unwrap(),
            "ftpsim put URL FILES --mode block --pipeline 16"
        );
        let rename = of("stream-rename");
        assert_eq!(words(rename), "stream mode, temporary name, then renamed, SIZE compared");
        assert_eq!((needs(rename), needs(of("stream"))), ("SIZE".to_owned(), "nothing".to_owned()));
        assert_eq!(
            command(rename, Direction::Get).unwrap(),
            "ftpsim get URL/FILE --verify size",
            "only uploads have a temporary name"
        );
        let listed = Scenario::load("listings").unwrap();
        assert_eq!(
            command(listed.variant("stream-size").unwrap(), Direction::Get).unwrap(),
            "ftpsim get -r URL/DIRECTORY --verify size"
        );
    }

    #[test]
    fn what_is_unsafe_has_no_command() {
        let scenario = Scenario::load("ftps").unwrap();
        let has = |name: &str| command(scenario.variant(name).unwrap(), Direction::Put).is_some();
        let unsafe_ones = ["stream-tls-lax", "stream-tls-hasty", "deflate-lax", "stream-tls-full"];
        assert!(unsafe_ones.iter().all(|name| !has(name)));
        assert!(["stream-tls", "stream-tls12", "block-tls", "deflate"].iter().all(|name| has(name)));
    }
}
