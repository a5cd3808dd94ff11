//! How a check comes to its session: what goes wrong until then says nothing of what it asks.

use super::control::Trouble;
use super::run::TIMEOUTS;
use super::script::Start;
use super::session::Session;
use super::target::Target;
use crate::check::verdict::Verdict;
use std::time::Duration;

/// A server that is full is asked again so often; the sessions of other checks end soon.
const MAX_RETRIES: u32 = 5;
/// Before the first of them, and so much more before each that follows: three seconds in all.
const PAUSE: Duration = Duration::from_millis(200);

/// Why there is no session.
#[derive(Debug)]
pub(super) struct Unopened {
    pub why: String,
    /// The server does not answer, or not as FTP; else it refuses something.
    pub is_trouble: bool,
    /// What was said and heard until then.
    pub dialogue: Vec<String>,
}

impl From<Trouble> for Unopened {
    fn from(trouble: Trouble) -> Self {
        Self { why: format!("cannot connect: {trouble}"), is_trouble: true, dialogue: Vec::new() }
    }
}

/// A session as far as a check wants it.
pub(super) async fn open<'a>(
    target: &'a Target,
    start: Start,
    clear: bool,
    directory: Option<&str>,
) -> Result<Session<'a>, Unopened> {
    let mut retries = 0;
    loop {
        let mut session = Session::connect(target).await?;
        let limit = target.timeout * TIMEOUTS;
        let begun = tokio::time::timeout(limit, session.begin(start, clear, directory)).await;
        let late = |_| (Verdict::Fail, format!("no session within {} s", limit.as_secs_f64()));
        let Err((verdict, why)) = begun.map_err(late).and_then(|begun| begun) else { return Ok(session) };
        if is_full(&session) && retries < MAX_RETRIES {
            retries += 1;
            drop(session);
            tokio::time::sleep(PAUSE * retries).await;
            continue;
        }
        session.leave().await;
        let dialogue = std::mem::take(&mut session.control.transcript);
        return Err(Unopened { why, is_trouble: verdict == Verdict::Fail, dialogue });
    }
}

/// RFC 959 lets a server that takes no more sessions for now greet by it.
fn is_full(session: &Session<'_>) -> bool {
    session.last.code == 421
}
