//! A server in a thread that answers as a test tells it, and otherwise like an old one: no MLSD, no FEAT.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// To one command.
pub(crate) enum Answer {
    Reply(&'static str),
    /// 150, the bytes, 226.
    Data(Vec<u8>),
    /// 150, the client's bytes, 226.
    #[allow(dead_code, reason = "not every test binary uploads")]
    Taken,
    /// 150, the bytes, 426.
    #[allow(dead_code, reason = "not every test binary cuts")]
    Cut(Vec<u8>),
}

/// What the server knows of a session.
pub(crate) struct State {
    pub directory: String,
    pub is_ascii: bool,
}

type Script = dyn Fn(&str, &str, &State) -> Option<Answer> + Send + Sync;

pub(crate) struct Fake {
    pub address: SocketAddr,
}

impl Fake {
    /// `script` is asked first, by verb and argument.
    pub(crate) fn start(
        script: impl Fn(&str, &str, &State) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script: Arc<Script> = Arc::new(script);
        std::thread::spawn(move || {
            for control in listener.incoming().flatten() {
                let script = script.clone();
                // The client may leave at any time.
                std::thread::spawn(move || drop(serve(control, &*script)));
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ftp://me:secret@{}/{path}", self.address)
    }
}

fn serve(mut control: TcpStream, script: &Script) -> std::io::Result<()> {
    let mut state = State { directory: "/".into(), is_ascii: true };
    let mut data = None;
    control.write_all(b"220 ready\r\n")?;
    let mut lines = BufReader::new(control.try_clone()?);
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let reply = match script(verb, argument, &state) {
            Some(Answer::Reply(reply)) => reply.to_owned(),
            Some(Answer::Data(bytes)) => send(&mut control, &mut data, &bytes, "226 done")?,
            Some(Answer::Taken) => take(&mut control, &mut data)?,
            Some(Answer::Cut(bytes)) => send(&mut control, &mut data, &bytes, "426 cut")?,
            None => default(verb, argument, &mut state, &mut data)?,
        };
        control.write_all(format!("{reply}\r\n").as_bytes())?;
    }
}

fn send(
    control: &mut TcpStream,
    data: &mut Option<TcpListener>,
    bytes: &[u8],
    reply: &str,
) -> std::io::Result<String> {
    control.write_all(b"150 here it comes\r\n")?;
    let listener: TcpListener = data.take().expect("EPSV comes first");
    listener.accept()?.0.write_all(bytes)?;
    Ok(reply.to_owned())
}

fn take(control: &mut TcpStream, data: &mut Option<TcpListener>) -> std::io::Result<String> {
    control.write_all(b"150 let it come\r\n")?;
    let listener: TcpListener = data.take().expect("EPSV comes first");
    std::io::copy(&mut listener.accept()?.0, &mut std::io::sink())?;
    Ok("226 done".to_owned())
}

fn default(
    verb: &str,
    argument: &str,
    state: &mut State,
    data: &mut Option<TcpListener>,
) -> std::io::Result<String> {
    Ok(match verb {
        "USER" => "331 password".into(),
        "PASS" => "230 in".into(),
        "PWD" => format!("257 \"{}\"", state.directory),
        "CWD" => {
            state.directory = match argument.strip_prefix('/') {
                Some(rest) => format!("/{rest}"),
                None => format!("{}/{argument}", state.directory.trim_end_matches('/')),
            };
            "250 there".into()
        }
        "TYPE" => {
            state.is_ascii = argument.starts_with('A');
            "200 ok".into()
        }
        "EPSV" => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let port = listener.local_addr()?.port();
            *data = Some(listener);
            format!("229 ok (|||{port}|)")
        }
        "QUIT" => "221 bye".into(),
        _ => "502 what".into(),
    })
}

/// A line of `ls -l`.
pub(crate) fn unix(kind: char, size: usize, name: &str) -> Vec<u8> {
    format!("{kind}rw-r--r-- 1 owner group {size} Jan  1 2020 {name}\r\n").into_bytes()
}
