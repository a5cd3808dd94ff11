//! The picture of a timeline: client, middlebox and server as lifelines, time downwards, each
//! packet an arrow from where it was to where it came.

use super::super::html::escape;
use crate::sim::trace::{Place, TraceEvent};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use turmoil_tcp::capture::CapturedPacket;
use turmoil_tcp::path::{Direction, Fate};
use turmoil_tcp::segment::TcpHeader;

/// RFC 959 section 8: the server's control port.
const CONTROL_PORT: u16 = 21;
const WIDTH: i64 = 1120;
const CLIENT_X: i64 = 450;
const MIDDLE_X: i64 = 590;
const SERVER_X: i64 = 730;
const TOP: i64 = 34;
/// Between two lines of text.
const LINE: i64 = 15;
/// Packets drawn at most: a picture of more shows nothing.
const PACKETS_MAX: usize = 400;
/// Characters of an event's text that fit beside a lifeline.
const TEXT_MAX: usize = 52;

/// `window_us` of a run as SVG in the colours of the page; `quarter_us` is a packet's way from a
/// host to the router.
pub(super) fn svg(
    events: &[TraceEvent],
    packets: &[CapturedPacket],
    window_us: RangeInclusive<u64>,
    quarter_us: u64,
) -> String {
    let events: Vec<&TraceEvent> = events.iter().filter(|event| window_us.contains(&event.at_us)).collect();
    let arrows: Vec<Arrow> = packets
        .iter()
        .filter(|packet| window_us.contains(&(packet.at_ns / 1000)))
        .filter_map(|packet| Arrow::of(packet, quarter_us))
        .take(PACKETS_MAX)
        .collect();
    let scale = Scale::new(
        events.iter().map(|event| event.at_us).chain(arrows.iter().flat_map(|a| [a.from.1, a.to.1])),
    );
    let mut drawn = String::new();
    // Of labels that would lie on one another the first stays: a burst's are alike.
    let mut labelled: Vec<(i64, i64)> = Vec::new();
    for arrow in &arrows {
        let (x, y) = arrow.label_place(&scale);
        let free = !labelled.iter().any(|(x0, y0)| (x - x0).abs() < 40 && (y - y0).abs() < 9);
        let label = free && !arrow.label.is_empty();
        if label {
            labelled.push((x, y));
        }
        drawn += &arrow.svg(&scale, label);
    }
    let mut bottom = scale.bottom;
    let mut sides = [Side::new(CLIENT_X - 12, "end"), Side::new(SERVER_X + 12, "start")];
    let mut clock = i64::MIN;
    for event in events {
        let y = scale.y(event.at_us);
        let side = match event.place {
            Place::Client => &mut sides[0],
            Place::Server => &mut sides[1],
            Place::Fault => {
                let _ = writeln!(
                    drawn,
                    "<line class=strike x1=\"{CLIENT_X}\" x2=\"{SERVER_X}\" y1=\"{y}\" y2=\"{y}\"/>"
                );
                &mut sides[1]
            }
            Place::Path | Place::Oracle => continue,
        };
        let at = side.text(y, event, &mut drawn);
        bottom = bottom.max(at);
        if y >= clock {
            let _ =
                writeln!(drawn, "<text class=clock x=\"0\" y=\"{}\">{}</text>", y + 4, seconds(event.at_us));
            clock = y + LINE;
        }
    }
    let bottom = bottom + LINE;
    let mut text = format!("<svg class=ladder viewBox=\"0 0 {WIDTH} {bottom}\" role=\"img\">\n");
    for (x, name) in [(CLIENT_X, "client"), (MIDDLE_X, "middlebox"), (SERVER_X, "server")] {
        let _ = writeln!(
            text,
            "<line class=\"life {name}\" x1=\"{x}\" x2=\"{x}\" y1=\"24\" y2=\"{bottom}\"/>\
             <text class=host x=\"{x}\" y=\"14\">{name}</text>"
        );
    }
    text + &drawn + "</svg>\n"
}

pub(super) fn seconds(at_us: u64) -> String {
    format!("{}.{:06}", at_us / 1_000_000, at_us % 1_000_000)
}

/// Where times are: a longer wait is a longer way, by its logarithm, so that both a round trip and
/// the packets of one burst can be seen.
struct Scale {
    ys: BTreeMap<u64, i64>,
    bottom: i64,
}

impl Scale {
    fn new(times_us: impl Iterator<Item = u64>) -> Self {
        let mut ys: BTreeMap<u64, i64> = times_us.map(|at_us| (at_us, 0)).collect();
        let (mut y, mut before) = (TOP, None);
        for (at_us, place) in &mut ys {
            if let Some(before) = before.replace(*at_us) {
                y += 2 + 2 * i64::from((at_us - before + 1).ilog2());
            }
            *place = y;
        }
        Self { ys, bottom: y }
    }

    fn y(&self, at_us: u64) -> i64 {
        self.ys.get(&at_us).copied().unwrap_or(TOP)
    }
}

/// The texts beside one lifeline: a text whose place is taken moves down.
struct Side {
    x: i64,
    anchor: &'static str,
    free: i64,
}

impl Side {
    fn new(x: i64, anchor: &'static str) -> Self {
        Self { x, anchor, free: TOP }
    }

    fn text(&mut self, y: i64, event: &TraceEvent, drawn: &mut String) -> i64 {
        let at = y.max(self.free);
        self.free = at + LINE;
        let class = if event.place == Place::Fault { "fault" } else { "event" };
        let short: String = event.text.chars().take(TEXT_MAX).collect();
        let more = if short.len() < event.text.len() { "…" } else { "" };
        let _ = writeln!(
            drawn,
            "<text class={class} text-anchor={} x=\"{}\" y=\"{}\"><title>{} {}</title>{}{more}</text>",
            self.anchor,
            self.x,
            at + 4,
            seconds(event.at_us),
            escape(&event.text),
            escape(&short),
        );
        at
    }
}

/// A packet's way through the picture: (x, microseconds).
struct Arrow {
    from: (i64, u64),
    to: (i64, u64),
    class: &'static str,
    ends_well: bool,
    label: String,
}

impl Arrow {
    fn of(packet: &CapturedPacket, quarter_us: u64) -> Option<Self> {
        let head = TcpHeader::read(&packet.bytes)?;
        let at_us = packet.at_ns / 1000;
        let (near, far) = match packet.direction {
            Direction::Up => (CLIENT_X, SERVER_X),
            Direction::Down => (SERVER_X, CLIENT_X),
        };
        let left = (near, at_us.saturating_sub(quarter_us));
        let (from, to, ends_well) = match packet.fate {
            Fate::Forwarded { arrives_ns } => (left, (far, arrives_ns / 1000), true),
            Fate::Forged { arrives_ns } => ((MIDDLE_X, at_us), (far, arrives_ns / 1000), true),
            Fate::Lost | Fate::QueueFull | Fate::Cut => (left, (MIDDLE_X, at_us), false),
        };
        let control = head.src.port() == CONTROL_PORT || head.dst.port() == CONTROL_PORT;
        let class = match packet.fate {
            Fate::Forged { .. } => "forged",
            _ if !ends_well => "gone",
            _ if head.rst => "forged",
            _ if head.payload_len() == 0 && !head.syn && !head.fin => "ack",
            _ if control => "control",
            _ => "data",
        };
        let flags = [(head.syn, "SYN"), (head.fin, "FIN"), (head.rst, "RST")];
        let mut label: Vec<String> =
            flags.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()).collect();
        if head.payload_len() > 0 {
            label.push(format!("{} B", head.payload_len()));
        }
        Some(Self { from, to, class, ends_well, label: label.join(" ") })
    }

    fn label_place(&self, scale: &Scale) -> (i64, i64) {
        let ((x1, from), (x2, to)) = (self.from, self.to);
        let (y1, y2) = (scale.y(from), scale.y(to));
        (x1 + (x2 - x1) / 4, y1 + (y2 - y1) / 4 - 3)
    }

    fn svg(&self, scale: &Scale, label: bool) -> String {
        let ((x1, from), (x2, to)) = (self.from, self.to);
        let (y1, y2) = (scale.y(from), scale.y(to));
        let mut text =
            format!("<g class={}><line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>", self.class);
        // This is where the arrow comes from, seen from its end.
        let back = if x2 > x1 { -1 } else { 1 };
        let head = if self.ends_well {
            let slope = (y2 - y1) * 7 / (x2 - x1).abs().max(1);
            format!(
                "<path d=\"M{x2} {y2} L{} {} L{} {} Z\"/>",
                x2 + back * 7,
                y2 - slope - 3,
                x2 + back * 7,
                y2 - slope + 3
            )
        } else {
            format!(
                "<path class=cross d=\"M{0} {1} L{2} {3} M{0} {3} L{2} {1}\"/>",
                x2 - 4,
                y2 - 4,
                x2 + 4,
                y2 + 4
            )
        };
        text += &head;
        if label {
            let (x, y) = self.label_place(scale);
            let _ = write!(text, "<text x=\"{x}\" y=\"{y}\">{}</text>", self.label);
        }
        text + "</g>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_wait_is_a_longer_way_and_time_never_goes_up() {
        let scale = Scale::new([0, 10, 20, 50_020].into_iter());
        let ys: Vec<i64> = [0, 10, 20, 50_020].map(|at| scale.y(at)).to_vec();
        assert!(ys.is_sorted());
        assert!(ys[3] - ys[2] > ys[2] - ys[1], "{ys:?}");
    }
}
