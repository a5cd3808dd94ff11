//! Progress bars of simulations: on stderr, and only if it is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// `total`: `None` when only time will tell.
pub(super) fn bar(total: Option<u64>, what: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(total, target);
    let template = match total {
        Some(_) => format!("{{bar:40}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left"),
        None => format!("{{spinner}} {{pos}} {what}, {{per_sec}}, {{elapsed}}"),
    };
    bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
