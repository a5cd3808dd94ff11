//! What people say, and whether it holds here.

use super::escape;
use crate::lab::claim::{Claim, Standing};
use std::fmt::Write as _;

/// The part of a page, from its heading on; nothing where nothing was judged.
pub(super) fn section(claims: &[Claim]) -> String {
    if claims.is_empty() {
        return String::new();
    }
    let mut text = String::from("<h2 id=claims>What people say</h2>\n");
    for claim in claims {
        let class = match claim.standing {
            Standing::Holds => "holds",
            Standing::Conditional => "conditional",
            Standing::Fails => "fails",
            Standing::NotEnough | Standing::Untested => "untested",
        };
        let _ = writeln!(
            text,
            "<div class=\"claim {class}\"><b>{}</b> <span class=standing>{}</span><p>{}</p><code>{}</code></div>",
            escape(claim.claim),
            claim.standing.as_str(),
            escape(&claim.figure),
            escape(&claim.command),
        );
    }
    text
}
