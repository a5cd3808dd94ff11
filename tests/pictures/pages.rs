//! Every page, light and dark, on a desk, on a phone and at 200 %: what axe-core finds, what cannot be read, what
//! lies on something else.

use super::{chromium, common, results};
use common::{peers_cache, skip};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

const DARK: &str = "--blink-settings=preferredColorScheme=0";
/// How a page is looked at: the name, the width, and what Chromium is told. Zoomed to 200 %, a desk is half as wide.
const VIEWS: [(&str, u32, &[&str]); 5] = [
    ("light", 1280, &[]),
    ("dark", 1280, &[DARK]),
    ("phone", 390, &[]),
    ("dark phone", 390, &[DARK]),
    ("200 %", 640, &["--force-device-scale-factor=2"]),
];
/// Holds a page in a frame of its width, for windows have a least one, and writes what it hears from it.
const FRAME: &str = r#"<!doctype html><meta charset=utf-8><iframe src=probed.html style="width:WIDTHpx;height:844px;border:0">
</iframe><script>addEventListener("message", message => {
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = message.data;
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
  parent.postMessage(JSON.stringify({ scheme, width: innerWidth, axe: result.passes.length, found }), "*");
});
"#;

/// What is wrong with a page in each view.
fn looked_at(home: &Path, page: &Path, axe: &str) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let probed = page.with_file_name("probed.html");
    let whole = text.replace("</body>", &format!("<script>{axe}</script><script>{PROBE}</script></body>"));
    assert_ne!(whole, text, "{} has a body", page.display());
    std::fs::write(&probed, whole).unwrap();
    let mut wrong = Vec::new();
    for (view, width, options) in VIEWS {
        let frame = page.with_file_name("frame.html");
        std::fs::write(&frame, FRAME.replace("WIDTH", &width.to_string())).unwrap();
        let url = format!("file://{}", frame.display());
        let arguments =
            [options, &["--window-size=1400,900", "--hide-scrollbars", "--dump-dom", &url]].concat();
        let shown = chromium(home, &arguments);
        let json = shown.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next());
        let json = json.unwrap_or_else(|| panic!("{view}: nothing was found out"));
        let plain = json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let found: Value = serde_json::from_str(&plain).unwrap();
        assert_eq!(found["scheme"] == "dark", view.starts_with("dark"), "{view}: {found}");
        assert_eq!(found["width"], width, "{view}: {found}");
        assert!(found["axe"].as_u64().unwrap() > 10, "axe has looked: {found}");
        let all = found["found"].as_array().unwrap();
        wrong.extend(all.iter().map(|what| format!("{view}: {}", what.as_str().unwrap())));
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

fn nothing_wrong(page: &Path, home: &Path, axe: &str) {
    let wrong = looked_at(home, page, axe);
    assert!(wrong.is_empty(), "{}:\n{}", page.display(), wrong.join("\n"));
}

#[test]
fn the_report_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    nothing_wrong(&results(home.path(), "tiny", "0..56"), home.path(), &axe);
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
    nothing_wrong(&results(home.path(), "./many.toml", "0..56"), home.path(), &axe);
}

#[test]
fn timelines_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    for (variant, seed) in [("stream", "8"), ("block", "10")] {
        let run = ["replay", "tiny", "--variant", variant, "--seed", seed, "--html", "run.html"];
        common::succeed(common::ftpsim(home.path()).args(run));
        nothing_wrong(&home.path().join("run.html"), home.path(), &axe);
    }
}

#[test]
fn why_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    let run = ["why", "tiny", "--variant", "stream", "--seed", "8", "--futures", "50", "--html", "why.html"];
    common::succeed(common::ftpsim(home.path()).args(run));
    nothing_wrong(&home.path().join("why.html"), home.path(), &axe);
}

#[test]
fn an_advice_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    let path = ["--rtt", "20ms", "--rate", "100M", "--loss", "0%", "--runs", "1", "--sizes", "1000x3"];
    let run = [&["advise"][..], &path, &["--html", "advise.html"]].concat();
    common::succeed(common::ftpsim(home.path()).args(run));
    nothing_wrong(&home.path().join("advise.html"), home.path(), &axe);
}

#[test]
fn the_conformance_matrix_can_be_read_by_all() {
    let (Some(axe), true) = (axe(), common::has("chromium")) else { return };
    let home = TempDir::new().unwrap();
    let page = home.path().join("index.html");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/conformance/index.html");
    std::fs::copy(committed, &page).unwrap();
    nothing_wrong(&page, home.path(), &axe);
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
    for (name, scenario) in [("grid", grid), ("truth", truth)] {
        let file = format!("{name}.toml");
        std::fs::write(home.path().join(&file), toml::to_string(&scenario).unwrap()).unwrap();
        let run = ["compare", &format!("./{file}"), "--out", name];
        common::succeed(common::ftpsim(home.path()).args(run));
        nothing_wrong(&home.path().join(name).join("report.html"), home.path(), &axe);
    }
}
