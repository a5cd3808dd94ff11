//! What a server has of what ways need: each feature is there, or refused by a code, or not announced.

use crate::sim::scenario::{Direction, VariantSpec, Verify};
use ftp_proto::mode::{Structure, TransmissionMode};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What not every server has, or does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// MODE B.
    Block,
    /// MODE C.
    Compressed,
    /// MODE Z.
    Deflate,
    /// STRU R.
    Record,
    /// SIZE.
    Size,
    /// HASH with SHA-256.
    Hash,
    /// REST STREAM.
    Rest,
    /// MLST and MLSD.
    Mlst,
    /// Uploads may be sent ahead (our OPTS XPIPE).
    Xpipe,
    /// It answers when a file survives the loss of power (our DURABLE).
    Durable,
    /// Uploads stay out of sight until they are whole.
    Hidden,
    /// Sessions in clear.
    Clear,
    /// TLS by AUTH, or from the first byte.
    Tls,
    /// Under TLS it takes close_notify alone for the end of an upload.
    CloseNotify,
}

impl Feature {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 14] = [
        Self::Block,
        Self::Compressed,
        Self::Deflate,
        Self::Record,
        Self::Size,
        Self::Hash,
        Self::Rest,
        Self::Mlst,
        Self::Xpipe,
        Self::Durable,
        Self::Hidden,
        Self::Clear,
        Self::Tls,
        Self::CloseNotify,
    ];

    /// As options name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Compressed => "compressed",
            Self::Deflate => "deflate",
            Self::Record => "record",
            Self::Size => "size",
            Self::Hash => "hash",
            Self::Rest => "rest",
            Self::Mlst => "mlst",
            Self::Xpipe => "xpipe",
            Self::Durable => "durable",
            Self::Hidden => "hidden",
            Self::Clear => "clear",
            Self::Tls => "tls",
            Self::CloseNotify => "close-notify",
        }
    }

    /// What a server that has it not lacks, and how it was asked.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Block => ("no block mode", "MODE B"),
            Self::Compressed => ("no compressed mode", "MODE C"),
            Self::Deflate => ("no deflate mode", "MODE Z"),
            Self::Record => ("no record structure", "STRU R"),
            Self::Size => ("no SIZE", "SIZE"),
            Self::Hash => ("no HASH by SHA-256", "HASH"),
            Self::Rest => ("no REST", "REST"),
            Self::Mlst => ("no MLST", "MLST"),
            Self::Xpipe => ("no uploads ahead", "XPIPE"),
            Self::Durable => ("no promise of durability", "DURABLE"),
            Self::Hidden => ("no hidden uploads", "uploads"),
            Self::Clear => ("no sessions in clear", "USER"),
            Self::Tls => ("no TLS", "AUTH TLS"),
            Self::CloseNotify => ("no demand for close_notify", "TLS"),
        }
    }
}

/// What is known of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Has,
    Refused(u16),
}

/// What a server has. Written `block=504,size,tls`: there, or refused by that code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features(BTreeMap<Feature, Answer>);

impl Features {
    /// What our own server has, where it is told to (`--durable`, `--tls-certificate`).
    pub fn ours() -> Self {
        Self(Feature::ALL.into_iter().map(|feature| (feature, Answer::Has)).collect())
    }

    /// Whether it is there.
    pub fn has(&self, feature: Feature) -> bool {
        self.0.get(&feature) == Some(&Answer::Has)
    }

    /// It is there.
    pub fn add(&mut self, feature: Feature) {
        self.0.insert(feature, Answer::Has);
    }

    /// It was asked for, and answered by `code`.
    pub fn answered(&mut self, feature: Feature, code: u16) {
        let has = (200..400).contains(&code);
        self.0.insert(feature, if has { Answer::Has } else { Answer::Refused(code) });
    }

    /// What a contender needs that is not there; `None` where it has all.
    pub fn missing(&self, variant: &VariantSpec, direction: Direction) -> Option<Missing> {
        let feature = needs(variant, direction).into_iter().find(|feature| !self.has(*feature))?;
        let (lacks, asked) = feature.words();
        let why = match (self.0.get(&feature), feature) {
            (Some(Answer::Refused(code)), _) => format!("the server has {lacks} ({asked}: {code})"),
            (_, Feature::Clear) => {
                // One sentence for both: the line that repeats an advice gives by --features what was asked.
                "no sessions in clear are known of: not asked for (--tls required, or ftps://), or not in \
                 --features (clear)"
                    .to_owned()
            }
            (_, Feature::Tls) => "the server offers no TLS, or was not asked to (--tls off)".to_owned(),
            _ => format!("the server has {lacks} ({asked}: not announced)"),
        };
        Some(Missing { feature: feature.name(), why })
    }
}

/// Why a way is not open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What is missing, as [`Feature::name`] has it.
    pub feature: &'static str,
    /// In words.
    pub why: String,
}

/// What a contender needs of the server.
fn needs(variant: &VariantSpec, direction: Direction) -> Vec<Feature> {
    let mut all = vec![if variant.tls.is_some() { Feature::Tls } else { Feature::Clear }];
    match variant.mode {
        TransmissionMode::Stream => {}
        TransmissionMode::Block => all.push(Feature::Block),
        TransmissionMode::Compressed => all.push(Feature::Compressed),
        TransmissionMode::Deflate => all.push(Feature::Deflate),
    }
    if variant.structure == Structure::Record {
        all.push(Feature::Record);
    }
    match variant.verify {
        Verify::Reply => {}
        Verify::Size => all.push(Feature::Size),
        Verify::Hash => all.push(Feature::Hash),
    }
    if direction == Direction::Put {
        all.extend((variant.pipeline_depth > 1).then_some(Feature::Xpipe));
        all.extend(variant.durable.then_some(Feature::Durable));
    }
    all
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, (feature, answer)) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { "," } else { "" })?;
            f.write_str(feature.name())?;
            if let Answer::Refused(code) = answer {
                write!(f, "={code}")?;
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Features {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut features = Self::default();
        if text.trim() == "none" {
            return Ok(features);
        }
        for word in text.split(',').map(str::trim) {
            let (name, code) = word.split_once('=').map_or((word, None), |(name, code)| (name, Some(code)));
            let known = Feature::ALL.into_iter().find(|feature| feature.name() == name).ok_or_else(|| {
                let all: Vec<_> = Feature::ALL.into_iter().map(Feature::name).collect();
                format!("{name:?} is none of {}, or none alone", all.join(", "))
            })?;
            match code {
                None => features.add(known),
                Some(code) => match code.parse::<u16>() {
                    Ok(code) if (400..600).contains(&code) => features.answered(known, code),
                    _ => {
                        return Err(format!(
                            "{name}={code}: expected the code of a refusal, for instance 504"
                        ));
                    }
                },
            }
        }
        Ok(features)
    }
}

impl Serialize for Features {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::Scenario;

    #[test]
    fn what_is_written_reads_back() {
        for text in ["none", "block=504,compressed=504,size,clear", "block,hash,xpipe,tls,close-notify"] {
            assert_eq!(text.parse::<Features>().unwrap().to_string(), text);
        }
        let ours = Features::ours();
        assert_eq!(ours.to_string().parse::<Features>().unwrap(), ours);
        for wrong in ["", "blok", "block=200", "block=", "size,,tls", "none,size"] {
            assert!(wrong.parse::<Features>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_way_that_is_not_open_says_why() {
        let scenario = Scenario::load("advise").unwrap();
        let features: Features = "block=504,size,clear".parse().unwrap();
        let missing = |name: &str, direction| {
            features.missing(scenario.variant(name).unwrap(), direction).map(|missing| missing.why)
        };
        let put = |name| missing(name, Direction::Put);
        assert_eq!((put("stream"), put("stream-rename-4")), (None, None));
        assert_eq!(put("block").unwrap(), "the server has no block mode (MODE B: 504)");
        assert_eq!(put("stream-hash").unwrap(), "the server has no HASH by SHA-256 (HASH: not announced)");
        assert_eq!(put("stream-tls").unwrap(), "the server offers no TLS, or was not asked to (--tls off)");
        let block: Features = "block".parse().unwrap();
        let why = block.missing(scenario.variant("block").unwrap(), Direction::Put).unwrap().why;
        assert!(why.contains("or not in --features (clear)"), "nobody has said --tls required: {why}");
        let piped: Features = "block,clear".parse().unwrap();
        let pipelined = scenario.variant("block-pipelined").unwrap();
        assert!(piped.missing(pipelined, Direction::Put).unwrap().why.contains("XPIPE"));
        assert_eq!(piped.missing(pipelined, Direction::Get), None, "downloads ahead need nothing of it");
    }

    #[test]
    fn our_server_lacks_nothing() {
        for variant in &Scenario::load("advise").unwrap().variants {
            assert_eq!(Features::ours().missing(variant, Direction::Put), None, "{}", variant.name);
        }
    }
}
