//! One check against a server: its steps, one after the other, until one decides.

use super::control::{Trouble, clipped};
use super::data::{self, Data};
use super::open::{Unopened, open};
use super::predicates::Seen;
use super::script::{Check, Codes, Step};
use super::session::{Ended, Session, failed};
use super::suite::Probe;
use super::target::Target;
use crate::check::verdict::{Outcome, Verdict};
use ftp_proto::{address, name};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// Timeouts that a check may wait for, one after the other.
pub(super) const TIMEOUTS: u32 = 6;
/// Whoever guesses passwords may be kept waiting.
const SLOWNESS: u32 = 4;
/// Sections about what every server has.
const MINIMUM: [&str; 2] = ["959/5.1", "1123/4.1.5"];
/// Codes that say that a command or parameter is not there (RFC 959 section 4.2.2, RFC 2228, RFC 2428).
const NOT_OFFERED: [u16; 9] = [500, 501, 502, 503, 504, 522, 534, 536, 431];

/// What happened, and whether there was a session at all.
pub(super) async fn run(
    check: &'static Check,
    target: &Target,
    probe: &Probe,
    directory: &str,
) -> (Outcome, bool) {
    let outcome = |verdict, seen: String, dialogue| Outcome {
        id: check.id,
        section: check.section(),
        level: check.level,
        sentence: check.sentence,
        verdict,
        seen,
        dialogue,
    };
    if let Some((verdict, why)) = impossible(check, target) {
        return (outcome(verdict, why.to_owned(), Vec::new()), true);
    }
    let directory = (!target.read_only && check.needs.writes).then_some(directory);
    let mut session = match open(target, check.start, check.needs.clear, directory).await {
        Ok(session) => session,
        Err(Unopened { why, is_trouble, dialogue }) => {
            let seen = format!("not asked: {why}");
            return (outcome(Verdict::Untestable, seen, dialogue), !is_trouble);
        }
    };
    let limit = target.timeout * TIMEOUTS;
    let steps = steps(check, &mut session, probe);
    let ended = tokio::time::timeout(limit, steps).await;
    let (verdict, seen) = match ended {
        Ok(Ok(seen)) => (Verdict::Pass, seen),
        Ok(Err((verdict, why))) => (verdict, why),
        Err(_) => {
            let ended = failed(format!("no end within {} s", limit.as_secs_f64()));
            if session.sets_up { not_asked(ended) } else { ended }
        }
    };
    session.leave().await;
    let dialogue = std::mem::take(&mut session.control.transcript);
    (outcome(verdict, seen, dialogue), true)
}

fn impossible(check: &Check, target: &Target) -> Option<(Verdict, &'static str)> {
    let implicit = target.tls.as_ref().is_some_and(|tls| tls.implicit);
    Some(match () {
        () if check.needs.writes && target.read_only => (Verdict::Untestable, "read-only"),
        () if check.needs.clear && implicit => {
            (Verdict::Untestable, "ftps:// is under TLS from the first byte")
        }
        () if check.needs.clear && target.tls.is_none() => (Verdict::Skipped, "TLS is switched off here"),
        () if check.needs.tls && !target.secured => (Verdict::Skipped, "the session is not under TLS"),
        () if check.needs.ipv4 && !target.address.is_ipv4() => (Verdict::Untestable, "needs IPv4"),
        () => return None,
    })
}

async fn steps(check: &Check, session: &mut Session<'_>, probe: &Probe) -> Result<String, Ended> {
    let mut said = String::new();
    let mut is_in_pieces = false;
    for step in &check.steps {
        match step {
            Step::Say(line) => said = filled(session, line),
            Step::Raw(bytes) if is_in_pieces => said.push_str(name::decode(bytes).trim_end()),
            Step::Raw(bytes) => said = name::decode(bytes).trim_end().to_owned(),
            _ => {}
        }
        is_in_pieces = matches!(step, Step::Raw(_)) || is_in_pieces && matches!(step, Step::Wait(_));
        match step {
            Step::Reply(pass, done) => {
                let code = reply(session, &said, pass, done).await;
                let code = code.map_err(|ended| excused(check, probe, &said, session.last.code, ended))?;
                if !pass.has(code) {
                    break;
                }
            }
            Step::Refused(codes) => refused(session, &said, codes).await?,
            Step::Offered(pass) => offered(session, &said, pass).await?,
            Step::Feature(word) if !probe.announces(word) => {
                return Err((Verdict::Skipped, format!("FEAT does not name {word}")));
            }
            Step::Feature(_) => {}
            Step::Has(text) => {
                let has = session.last.text().to_lowercase().contains(&text.to_lowercase());
                if !has {
                    return Err(failed(format!("no {text:?} in: {}", session.last.brief())));
                }
            }
            Step::Is(predicate, argument) => {
                let seen = Seen {
                    reply: &session.last,
                    data: &session.received,
                    is_clean: session.is_clean,
                    control: &session.control,
                    port_before: session.port_before,
                    argument,
                };
                let held = (predicate.asks)(&seen);
                held.map_err(|why| failed(format!("{why}: {}", session.last.brief())))?;
            }
            Step::Handshake(true) if session.target.tls.is_some() => {
                if let Err((_, why)) = session.handshake().await {
                    return Ok(why);
                }
            }
            other => {
                session.sets_up = other.set_up_commands().is_some();
                let done = act(session, other).await;
                let sets_up = std::mem::take(&mut session.sets_up);
                done.map_err(|ended| if sets_up { not_asked(ended) } else { ended })?;
            }
        }
    }
    let last = session.last.code;
    Ok(if last == 0 { "as required".to_owned() } else { session.last.brief() })
}

/// The next reply's code, which is of `pass` or of `done`.
async fn reply(session: &mut Session<'_>, said: &str, pass: &Codes, done: &Codes) -> Result<u16, Ended> {
    let reply =
        session.control.reply().await.map_err(|trouble| failed(format!("{}: {trouble}", shown(said))))?;
    session.port_before = address::parse_passive(&session.last.text())
        .map(|address| address.port())
        .or_else(|_| address::parse_extended_passive(&session.last.text()))
        .ok()
        .or(session.port_before);
    session.last = reply;
    let code = session.last.code;
    if pass.has(code) || done.has(code) {
        Ok(code)
    } else {
        let expected = [&pass.0[..], &done.0[..]].concat().join(", ");
        Err(failed(format!("{}: {}; expected {expected}", shown(said), session.last.brief())))
    }
}

/// A negative reply, at once or behind 125 or 150. In the latter case what the data connection is for is brought to
/// its end: nothing goes to the server, and nothing may come.
async fn refused(session: &mut Session<'_>, said: &str, codes: &Codes) -> Result<(), Ended> {
    let code = reply(session, said, codes, &Codes(vec!["125", "150"])).await?;
    if code / 100 != 1 {
        return Ok(());
    }
    // The server may have closed it already, in whatever way.
    if said.starts_with("STOR") {
        let (tls, timeout) = (session.tls(), session.control.timeout);
        let _ = session.data.close(tls.as_ref(), timeout).await;
    } else if session.receive(None).await.is_ok() && !session.received.is_empty() {
        return Err(failed(format!("{}: {} bytes came", shown(said), session.received.len())));
    }
    reply(session, said, codes, &Codes::default()).await.map(drop)
}

/// What a check needs could not be had, whatever the reason: that says nothing of what it is about. Others ask for it.
fn not_asked((verdict, why): Ended) -> Ended {
    match verdict {
        Verdict::Fail => (Verdict::Untestable, format!("not asked: {why}")),
        verdict => (verdict, why),
    }
}

/// A command that a check asks by, and is not about, may not be there: then nothing follows. Checks of the commands
/// themselves tell that.
fn excused(check: &Check, probe: &Probe, said: &str, code: u16, ended: Ended) -> Ended {
    let verb = said.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    let is_about = check.id.to_ascii_uppercase().contains(&verb) || MINIMUM.contains(&check.section());
    let is_absent = match &*verb {
        // Not asked before: it needs a data connection.
        "NLST" => matches!(code, 500..=502),
        _ => probe.lacks.iter().any(|lacked| lacked == &verb) && matches!(code, 500 | 502),
    };
    if is_absent && !is_about { (Verdict::Skipped, format!("{verb} is not offered: {code}")) } else { ended }
}

async fn offered(session: &mut Session<'_>, said: &str, pass: &Codes) -> Result<(), Ended> {
    let reply =
        session.control.reply().await.map_err(|trouble| failed(format!("{}: {trouble}", shown(said))))?;
    session.last = reply;
    let code = session.last.code;
    let seen = format!("{}: {}", shown(said), session.last.brief());
    match code {
        _ if pass.has(code) => Ok(()),
        _ if NOT_OFFERED.contains(&code) => Err((Verdict::Skipped, seen)),
        400..600 => Err((Verdict::Untestable, seen)),
        _ => Err(failed(seen)),
    }
}

fn shown(said: &str) -> String {
    if said.to_ascii_uppercase().starts_with("PASS") { "PASS ****".to_owned() } else { clipped(said) }
}

/// Steps that do something.
async fn act(session: &mut Session<'_>, step: &Step) -> Result<(), Ended> {
    let (tls, timeout) = (session.tls(), session.control.timeout);
    let on_data = |trouble: Trouble| failed(format!("data connection: {trouble}"));
    let on_control = |trouble: Trouble| failed(format!("control connection: {trouble}"));
    match step {
        Step::Say(line) => {
            let line = filled(session, line);
            session.control.line(&line).await.map_err(on_control)
        }
        Step::Raw(bytes) => session.control.send(bytes).await.map_err(on_control),
        Step::Urgent(bytes) => session.control.send_urgent(bytes).await.map_err(on_control),
        Step::Passive => session.open_passive().await,
        Step::Active(extended) => active(session, *extended).await,
        Step::Connect => connect(session).await,
        Step::Transmit(bytes) => session.data.send(bytes, tls.as_ref(), timeout).await.map_err(on_data),
        Step::Close => session.data.close(tls.as_ref(), timeout).await.map_err(on_data),
        Step::Reset if tls.is_some() => {
            Err((Verdict::Untestable, "under TLS no reset is made here".to_owned()))
        }
        Step::Reset => session.data.reset(tls.as_ref(), timeout).await.map_err(on_data),
        Step::Cut => session.data.cut(tls.as_ref(), timeout).await.map_err(on_data),
        Step::Receive => session.receive(None).await,
        Step::ReceiveExactly(expected) => {
            session.receive(None).await?;
            session.received_is(expected)
        }
        Step::ReceiveSome(bytes) => session.receive(Some(*bytes)).await,
        Step::Put(name, content) => session.put(name, content).await,
        Step::Get(name, content) => session.get(name, content).await,
        Step::MakeDirectory(name) => session.make(name).await,
        Step::LogIn(_) => session.log_in().await,
        Step::Handshake(_) => session.handshake().await,
        Step::Slow => {
            session.control.timeout *= SLOWNESS;
            Ok(())
        }
        Step::Plain => {
            session.is_private = false;
            Ok(())
        }
        Step::Private => {
            session.is_private = true;
            Ok(())
        }
        Step::Wait(ms) => {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
            Ok(())
        }
        Step::Quiet(ms) => match session.control.reply_within(Duration::from_millis(*ms)).await {
            Err(Trouble::Silent) => Ok(()),
            Err(trouble) => Err(failed(trouble.to_string())),
            Ok(reply) => Err(failed(format!("a reply too many: {}", reply.brief()))),
        },
        Step::Closed => match session.control.reply().await {
            Err(Trouble::Closed) => Ok(()),
            Err(trouble) => Err(failed(format!("the connection stays open: {trouble}"))),
            Ok(reply) => Err(failed(format!("the connection stays open: {}", reply.brief()))),
        },
        Step::Shutdown => {
            session.control.shutdown().await;
            Ok(())
        }
        Step::Reply(..)
        | Step::Refused(_)
        | Step::Offered(_)
        | Step::Has(_)
        | Step::Is(..)
        | Step::Feature(_) => Ok(()),
    }
}

/// `{user}`, `{password}`; our address as `{h}` (PORT's), `{net}` and `{addr}` (EPRT's).
fn filled(session: &Session<'_>, line: &str) -> String {
    let mut all = line
        .replace("{user}", &session.target.user)
        .replace("{password}", &session.target.password)
        .replace("{server}", &session.target.host);
    if all.contains("{h}") || all.contains("{addr}") {
        let ip = session.control.local.ip();
        let net = if ip.is_ipv4() { "1" } else { "2" };
        all = all
            .replace("{h}", &ip.to_string().replace('.', ","))
            .replace("{net}", net)
            .replace("{addr}", &ip.to_string());
    }
    all
}

/// Listens, and says so by PORT or EPRT; a refusal means that it is not offered.
async fn active(session: &mut Session<'_>, extended: bool) -> Result<(), Ended> {
    let here = async {
        let listener = TcpListener::bind((session.control.local.ip(), 0)).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    let (listener, local) = here.await.map_err(|error| (Verdict::Untestable, error.to_string()))?;
    let command = match local {
        SocketAddr::V4(v4) if !extended => format!("PORT {}", address::host_port(v4)),
        any => format!("EPRT {}", address::extended(any)),
    };
    match session.ask(&command).await {
        Ok(reply) if reply.code / 100 == 2 => {}
        Ok(reply) if reply.code < 400 => return Err(failed(format!("{command}: {}", reply.brief()))),
        Ok(reply) => return Err((Verdict::Skipped, format!("{command}: {}", reply.brief()))),
        Err(trouble) => return Err(failed(format!("{command}: {trouble}"))),
    }
    session.data = Data::Listening(listener);
    Ok(())
}

async fn connect(session: &mut Session<'_>) -> Result<(), Ended> {
    let text = session.last.text();
    let port = if session.last.code == 229 {
        address::parse_extended_passive(&text).ok()
    } else {
        data::passive_port(&text)
    };
    let Some(port) = port else { return Err(failed(format!("no address in: {}", session.last.brief()))) };
    let stream = data::connect(&session.control, port).await;
    session.data = Data::Clear(stream.map_err(|trouble| failed(format!("data connection: {trouble}")))?);
    Ok(())
}
