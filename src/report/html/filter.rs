//! What a reader chooses to see: a direction, a fault. Nothing runs in the page: its style asks what is chosen.

use super::page::escape;
use crate::sim::scenario::{Direction, Scenario};
use std::fmt::Write as _;

/// The two choices; nothing where there is nothing to choose.
pub(super) fn form(scenario: &Scenario) -> String {
    let mut text = String::from("<form class=filter aria-label=\"What is shown below\">");
    if scenario.directions.len() > 1 {
        text += "<label>Show <select id=show-direction><option value=all selected>both directions</option>\
                 <option value=put>uploads</option><option value=get>downloads</option></select></label>";
    }
    if scenario.faults.len() > 1 {
        text += " <label>under <select id=show-fault><option value=all selected>all faults</option>";
        for (index, fault) in scenario.faults.iter().enumerate() {
            let _ =
                write!(text, "<option value=f{index}>{}</option>", escape(&fault.name().replace('_', " ")));
        }
        text += "</select></label>";
    }
    text + "</form>\n"
}

/// What hides what is not chosen.
pub(super) fn css(scenario: &Scenario) -> String {
    let mut text = String::new();
    for direction in [Direction::Put, Direction::Get] {
        let chosen = direction.as_str();
        let _ = writeln!(
            text,
            "body:has(#show-direction [value={chosen}]:checked) [data-direction]:not([data-direction={chosen}]) \
             {{ display: none; }}"
        );
    }
    for index in 0..scenario.faults.len() {
        let _ = writeln!(
            text,
            "body:has(#show-fault [value=f{index}]:checked) [data-fault]:not([data-fault=f{index}]) \
             {{ display: none; }}"
        );
    }
    text
}
