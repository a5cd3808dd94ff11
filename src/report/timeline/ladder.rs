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
/// Of a character, as wide as it is drawn, in tenths.
const CHARACTER_TENTHS: i64 = 67;
/// A picture as high as a screen, where there is not more to say.
const HEIGHT: i64 = 620;

/// What a picture shows, and how.
pub(super) struct View {
    /// The time shown.
    pub window_us: RangeInclusive<u64>,
    /// A packet's way from a host to the router.
    pub quarter_us: u64,
    /// Whether each event leads to its row in the table of everything.
    pub links: bool,
}

/// The part of a run that `view` shows, as SVG in the colours of the page.
pub(super) fn svg(events: &[TraceEvent], packets: &[CapturedPacket], view: &View) -> String {
    let events: Vec<(usize, &TraceEvent)> =
        events.iter().enumerate().filter(|(_, event)| view.window_us.contains(&event.at_us)).collect();
    let arrows: Vec<Arrow> = packets
        .iter()
        .filter(|packet| view.window_us.contains(&(packet.at_ns / 1000)))
        .filter_map(|packet| Arrow::of(packet, view.quarter_us))
        .take(PACKETS_MAX)
        .collect();
    let texts = [Place::Client, Place::Server]
        .map(|place| events.iter().filter(|(_, event)| event.place == place).count() as i64);
    let scale = Scale::new(
        events.iter().map(|(_, event)| event.at_us).chain(arrows.iter().flat_map(|a| [a.from.1, a.to.1])),
        HEIGHT.max(texts[0].max(texts[1]) * LINE),
    );
    let mut drawn = String::new();
    let mut labels = Labels::default();
    for arrow in &arrows {
        drawn += &arrow.svg(&scale, &mut labels);
    }
    let mut bottom = scale.bottom;
    let mut sides = [Side::new(CLIENT_X - 12, "end"), Side::new(SERVER_X + 12, "start")];
    let mut clock = i64::MIN;
    for (index, event) in events {
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
        let text = side.text(y, event);
        drawn += &match view.links {
            true => format!("<a href=\"#e{index}\">{text}</a>"),
            false => text,
        };
        bottom = bottom.max(side.free - LINE);
        if y >= clock {
            let _ =
                writeln!(drawn, "<text class=clock x=\"0\" y=\"{}\">{}</text>", y + 4, seconds(event.at_us));
            clock = y + LINE;
        }
    }
    let bottom = bottom + LINE;
    let mut text = format!(
        "<svg class=ladder viewBox=\"0 0 {WIDTH} {bottom}\" role=group aria-label=\"Packets and events between client \
         and server\">\n"
    );
    for (x, name) in [(CLIENT_X, "client"), (MIDDLE_X, "middlebox"), (SERVER_X, "server")] {
        let _ = writeln!(
            text,
            "<line class=\"life {name}\" x1=\"{x}\" x2=\"{x}\" y1=\"24\" y2=\"{bottom}\"/>\
             <text class=host x=\"{x}\" y=\"14\">{name}</text>"
        );
    }
    text + &drawn + "</svg>\n"
}

/// What has been written on arrows: of labels that would lie on one another the first stays, for a burst's are
/// alike.
#[derive(Default)]
struct Labels {
    /// Left, right and base line.
    taken: Vec<(i64, i64, i64)>,
}

impl Labels {
    fn takes(&mut self, x: i64, y: i64, label: &str) -> bool {
        let half = label.chars().count() as i64 * CHARACTER_TENTHS / 20 + 2;
        let (left, right) = (x - half, x + half);
        let free = !self.taken.iter().any(|(l, r, at)| left < *r && *l < right && (y - at).abs() < 12);
        if free {
            self.taken.push((left, right, y));
        }
        free
    }
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
    /// No higher than `height`, but that later is always lower.
    fn new(times_us: impl Iterator<Item = u64>, height: i64) -> Self {
        let mut ys: BTreeMap<u64, i64> = times_us.map(|at_us| (at_us, 0)).collect();
        let times: Vec<u64> = ys.keys().copied().collect();
        let step = |pair: &[u64]| 2 + 2 * i64::from((pair[1] - pair[0] + 1).ilog2());
        let all: i64 = times.windows(2).map(step).sum();
        let (mut y, mut way) = (TOP, 0);
        for (index, place) in ys.values_mut().enumerate() {
            if index > 0 {
                way += step(&times[index - 1..=index]);
                y = (y + 1).max(TOP + if all > height { way * height / all } else { way });
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

    /// The text, cut short but for a fault's, which is what the picture is about.
    fn text(&mut self, y: i64, event: &TraceEvent) -> String {
        let is_fault = event.place == Place::Fault;
        let rows = if is_fault { wrapped(&event.text) } else { vec![shortened(&event.text)] };
        let at = y.max(self.free);
        self.free = at + LINE * rows.len() as i64;
        let mut text = String::new();
        if at > y + LINE / 2 {
            // It had to give way: this is the time that it is of.
            let towards = if self.anchor == "end" { 12 } else { -12 };
            let _ = write!(
                text,
                "<line class=leader x1=\"{}\" y1=\"{y}\" x2=\"{}\" y2=\"{at}\"/>",
                self.x + towards,
                self.x + towards / 6,
            );
        }
        for (row, words) in rows.iter().enumerate() {
            let _ = writeln!(
                text,
                "<text class={} text-anchor={} x=\"{}\" y=\"{}\"><title>{} {}</title>{}</text>",
                if is_fault { "fault" } else { "event" },
                self.anchor,
                self.x,
                at + 4 + row as i64 * LINE,
                seconds(event.at_us),
                escape(&event.text),
                escape(words),
            );
        }
        text
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// In rows that have room beside a lifeline, broken at spaces.
fn wrapped(text: &str) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match rows.last_mut() {
            Some(row) if row.chars().count() + 1 + word.chars().count() <= TEXT_MAX => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    rows
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

    fn svg(&self, scale: &Scale, labels: &mut Labels) -> String {
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
        let (x, y) = self.label_place(scale);
        if !self.label.is_empty() && labels.takes(x, y, &self.label) {
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
        for height in [10_000, 20] {
            let scale = Scale::new([0, 10, 20, 50_020].into_iter(), height);
            let ys: Vec<i64> = [0, 10, 20, 50_020].map(|at| scale.y(at)).to_vec();
            assert!(ys.is_sorted() && ys[0] < ys[1] && ys[1] < ys[2], "{ys:?}");
            assert!(ys[3] - ys[2] > ys[2] - ys[1], "{ys:?}");
            assert!(scale.bottom <= TOP + height.min(100), "{}", scale.bottom);
        }
    }

    #[test]
    fn labels_do_not_lie_on_one_another() {
        let mut labels = Labels::default();
        assert!(labels.takes(100, 50, "1460 B"));
        assert!(!labels.takes(130, 55, "1460 B"));
        assert!(labels.takes(130, 62, "1460 B") && labels.takes(150, 50, "FIN"));
    }

    #[test]
    fn a_faults_line_is_whole() {
        let long = "the middlebox closes the connection towards both ends at payload byte 1234 of file-00042.dat, early";
        assert_eq!(wrapped(long).join(" "), long);
        assert!(wrapped(long).iter().all(|row| row.chars().count() <= TEXT_MAX));
        assert_eq!(shortened(&"ä".repeat(53)), format!("{}…", "ä".repeat(52)));
    }
}
