//! Every page, light and dark, on a desk, on a phone and at 200 %: what axe-core finds, what cannot be read, what
//! lies on something else.

use super::{chromium, common, results};
use common::{peers_cache, skip};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How pages are looked at: what Chromium is told, and the names of the views and their widths, which one Chromium
/// looks at together, for starting it takes longest. Zoomed to 200 %, a desk is half as wide.
type Views = (&'static [&'static str], &'static [(&'static str, u32)]);
const VIEWS: [Views; 3] = [
    (&[], &[("light", 1280), ("phone", 390)]),
    (&["--blink-settings=preferredColorScheme=0"], &[("dark", 1280), ("dark phone", 390)]),
    (&["--force-device-scale-factor=2"], &[("200 %", 640)]),
];
/// Writes what it hears from its frames, each at its place.
const LISTENER: &str = r#"<script>const frames = [...document.querySelectorAll("iframe")], heard = frames.map(() => null);
addEventListener("message", message => {
  heard[frames.findIndex(frame => frame.contentWindow === message.source)] = message.data;
  if (heard.includes(null)) return;
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify(heard);
  document.body.append(out);
});</script>"#;

/// Looks at a page with everything open, and tells the frame around it what it found.
const PROBE: &str = r#"
const found = [];
const scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
document.querySelectorAll("details").forEach(d => d.open = true);
if (document.documentElement.scrollWidth > innerWidth + 1)
  found.push(`the page is ${document.documentElement.scrollWidth} px wide, of ${innerWidth}: ` +
    [...document.querySelectorAll("main *")].filter(e => !e.parentElement.closest(".wide, svg") &&
      e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80)).slice(-2).join(" | "));
for (const text of document.querySelectorAll("svg text")) {
  const size = parseFloat(getComputedStyle(text).fontSize) * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b);
  if (size < 10.95) found.push(`${size.toFixed(1)} px: ${text.textContent}`);
}
for (const element of document.querySelectorAll("main :not(svg *)")) {
  if (![...element.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
  const size = parseFloat(getComputedStyle(element).fontSize);
  if (size < 11) found.push(`${size.toFixed(1)} px: ${element.textContent.slice(0, 40)}`);
}
const clash = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3;
for (const svg of document.querySelectorAll("svg")) {
  const whole = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map(t => [t, t.getBoundingClientRect()]).filter(([, r]) => r.width > 0);
  texts.forEach(([t, r], i) => {
    if (r.left < whole.left - 4 || r.right > whole.right + 1 || r.bottom > whole.bottom + 1)
      found.push(`cut: ${t.textContent.slice(0, 60)}`);
    for (const [u, s] of texts.slice(i + 1))
      if (clash(r, s) && t.textContent != u.textContent) found.push(`on one another: ${t.textContent.slice(0, 40)} / ${u.textContent.slice(0, 40)}`);
  });
}
axe.run(document, { resultTypes: ["violations"] }).then(result => {
  for (const v of result.violations)
    found.push(`axe ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(" | ")} (${v.nodes.length})`);
  parent.postMessage({ scheme, width: innerWidth, axe: result.passes.length, found }, "*");
});
"#;

/// A page in a frame of its width, for windows have a least one.
fn frame(file: &str, width: u32) -> String {
    format!(r#"<iframe src={file} style="width:{width}px;height:844px;border:0"></iframe>"#)
}

/// What each of these says, in one Chromium, which shows all of them: what is not in sight, it may leave for later.
fn heard(home: &Path, options: &[&str], shown: &[(&str, u32)]) -> Vec<Value> {
    let frames: String = shown.iter().map(|(file, width)| frame(file, *width)).collect();
    let whole =
        format!("<!doctype html><meta charset=utf-8><body style=\"white-space:nowrap\">{frames}{LISTENER}");
    let page = home.join("frames.html");
    std::fs::write(&page, whole).unwrap();
    let window =
        format!("--window-size={},900", shown.iter().map(|(_, width)| width + 20).sum::<u32>() + 100);
    let url = format!("file://{}", page.display());
    let said = chromium(home, &[options, &[&window, "--hide-scrollbars", "--dump-dom", &url]].concat());
    let json = said.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let json = json.unwrap_or_else(|| panic!("{options:?}: nothing was found out"));
    let plain = json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&plain).unwrap()
}

/// What is wrong with these pages in each view.
fn looked_at(home: &Path, pages: &[&Path], axe: &str) -> Vec<String> {
    let probed: Vec<String> = (0..pages.len()).map(|index| format!("probed-{index}.html")).collect();
    for (page, probed) in pages.iter().zip(&probed) {
        let text = std::fs::read_to_string(page).unwrap();
        let whole =
            text.replace("</body>", &format!("<script>{axe}</script><script>{PROBE}</script></body>"));
        assert_ne!(whole, text, "{} has a body", page.display());
        std::fs::write(home.join(probed), whole).unwrap();
    }
    let mut wrong = Vec::new();
    for (options, views) in VIEWS {
        let shown = |file| views.iter().map(move |(_, width)| (file, *width));
        let shown: Vec<(&str, u32)> = probed.iter().flat_map(|file| shown(file.as_str())).collect();
        let of = pages.iter().flat_map(|page| views.iter().map(move |view| (page, view)));
        for ((page, (view, width)), found) in of.zip(heard(home, options, &shown)) {
            assert_eq!(found["scheme"] == "dark", view.starts_with("dark"), "{view}: {found}");
            assert_eq!(found["width"], *width, "{view}: {found}");
            assert!(found["axe"].as_u64().unwrap() > 10, "axe has looked: {found}");
            let all = found["found"].as_array().unwrap();
            let said = |what: &Value| format!("{}, {view}: {}", page.display(), what.as_str().unwrap());
            wrong.extend(all.iter().map(said));
        }
    }
    wrong
}

/// axe-core, as `tests/peers/install.sh` has it.
fn axe() -> Option<String> {
    let script = std::fs::read_to_string(peers_cache().join("axe-core/package/axe.min.js"));
    if script.is_err() {
        skip("axe-core");
    }
    script.ok()
}

fn nothing_wrong(pages: &[&Path], home: &Path, axe: &str) {
    let wrong = looked_at(home, pages, axe);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_report_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    nothing_wrong(&[&results(home.path(), "tiny", "0..56")], home.path(), &axe);
}

#[test]
fn a_report_of_many_faults_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    // Its faults are rows, whatever the contenders.
    let mut scenario = ftpsim::sim::scenario::Scenario::load("all-faults").unwrap();
    scenario.variants.retain(|variant| ["stream", "block"].contains(&variant.name.as_str()));
    assert!(scenario.faults.len() > 20);
    std::fs::write(home.path().join("many.toml"), toml::to_string(&scenario).unwrap()).unwrap();
    nothing_wrong(&[&results(home.path(), "./many.toml", "0..56")], home.path(), &axe);
}

#[test]
fn timelines_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    let pages = [("stream", "8"), ("block", "10")].map(|(variant, seed)| {
        let file = format!("{variant}.html");
        let run = ["replay", "tiny", "--variant", variant, "--seed", seed, "--html", &file];
        common::succeed(common::ftpsim(home.path()).args(run));
        home.path().join(file)
    });
    nothing_wrong(&pages.each_ref().map(PathBuf::as_path), home.path(), &axe);
}

#[test]
fn why_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    let run = ["why", "tiny", "--variant", "stream", "--seed", "8", "--futures", "50", "--html", "why.html"];
    common::succeed(common::ftpsim(home.path()).args(run));
    nothing_wrong(&[&home.path().join("why.html")], home.path(), &axe);
}

#[test]
fn an_advice_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    let path = ["--rtt", "20ms", "--rate", "100M", "--loss", "0%", "--runs", "1", "--sizes", "1000x3"];
    let run = [&["advise"][..], &path, &["--html", "advise.html"]].concat();
    common::succeed(common::ftpsim(home.path()).args(run));
    nothing_wrong(&[&home.path().join("advise.html")], home.path(), &axe);
}

#[test]
fn the_conformance_matrix_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    let page = home.path().join("index.html");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/conformance/index.html");
    std::fs::copy(committed, &page).unwrap();
    nothing_wrong(&[&page], home.path(), &axe);
}

/// Two sizes over two round-trip times, as a scenario of one's own.
#[test]
fn maps_and_strips_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    let mut grid = ftpsim::sim::scenario::Scenario::load("wan-grid").unwrap();
    let spec = grid.grid.as_mut().unwrap();
    spec.rtt_us = vec![10_000, 50_000];
    spec.bandwidth_bits_per_s = vec![100_000_000];
    spec.loss_ppm.truncate(1);
    spec.deliveries.truncate(2);
    let mut truth = ftpsim::sim::scenario::Scenario::load("truth-table").unwrap();
    truth.variants.truncate(2);
    truth.faults.truncate(2);
    let pages = [("grid", grid), ("truth", truth)].map(|(name, scenario)| {
        let file = format!("{name}.toml");
        std::fs::write(home.path().join(&file), toml::to_string(&scenario).unwrap()).unwrap();
        let run = ["compare", &format!("./{file}"), "--out", name];
        common::succeed(common::ftpsim(home.path()).args(run));
        home.path().join(name).join("report.html")
    });
    nothing_wrong(&pages.each_ref().map(PathBuf::as_path), home.path(), &axe);
}
