//! suppaftp over TLS, by rustls: tls_suppaftp HOST PORT USER PASSWORD CA VERSION FROM TO [UPLOADS]
//!
//! Uploads the files of FROM, at most UPLOADS in a session, and downloads them into TO over one session, by
//! TLS of VERSION (1.2 or 1.3) alone. Exits with 1 and says why where anything fails.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use suppaftp::rustls::crypto::ring::default_provider;
use suppaftp::rustls::pki_types::CertificateDer;
use suppaftp::rustls::pki_types::pem::PemObject;
use suppaftp::rustls::{ClientConfig, RootCertStore, version};
use suppaftp::types::FileType;
use suppaftp::{RustlsConnector, RustlsFtpStream};

/// Whom to log in at, and how.
struct Server<'a> {
    host: &'a str,
    port: &'a str,
    user: &'a str,
    password: &'a str,
    ca: &'a str,
    version: &'a str,
}

impl Server<'_> {
    fn session(&self) -> Result<RustlsFtpStream, Box<dyn Error>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(self.ca)? {
            roots.add(certificate?)?;
        }
        let versions = match self.version {
            "1.2" => [&version::TLS12],
            "1.3" => [&version::TLS13],
            other => return Err(format!("TLS {other}").into()),
        };
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&versions)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = RustlsFtpStream::connect(format!("{}:{}", self.host, self.port))?;
        let mut session = session.into_secure(RustlsConnector::from(Arc::new(config)), self.host)?;
        session.login(self.user, self.password)?;
        session.transfer_type(FileType::Binary)?;
        Ok(session)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [host, port, user, password, ca, version, from, to, uploads @ ..] = &arguments[..] else {
        return Err("tls_suppaftp HOST PORT USER PASSWORD CA VERSION FROM TO [UPLOADS]".into());
    };
    let server = Server { host, port, user, password, ca, version };
    let mut names = Vec::new();
    for entry in fs::read_dir(from)? {
        names.push(entry?.file_name().into_string().map_err(|name| format!("{name:?}"))?);
    }
    names.sort();
    let uploads = match uploads {
        [uploads] => uploads.parse()?,
        _ => names.len(),
    };
    for names in names.chunks(uploads) {
        let mut session = server.session()?;
        for name in names {
            session.put_file(name, &mut File::open(Path::new(from).join(name))?)?;
        }
        session.quit()?;
    }
    let mut session = server.session()?;
    for name in &names {
        let mut file = File::create(Path::new(to).join(name))?;
        let mut stream = session.retr_as_stream(name)?;
        io::copy(&mut stream, &mut file)?;
        stream.finish()?;
    }
    session.quit()?;
    Ok(())
}
