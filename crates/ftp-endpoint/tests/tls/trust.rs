//! Whom our client trusts.

use super::deliveries::Ends;
use ftp_endpoint::client::{
    ClientError, ClientTls, Distrust, FailureKind, Fingerprint, Login, Options, TlsWhen, Trust, Untrusted,
    fingerprint,
};
use rustls::RootCertStore;
use testkit::tls::{Identity, NAME, TLS12, TLS13, client};

async fn connects(ends: &Ends, tls: ClientTls) -> Result<(), ClientError> {
    let options = Options { tls: TlsWhen::Required, ..Options::default() };
    let login = Login::new("me", "secret").with_tls(tls);
    let connected = ftp_endpoint::Client::connect(ends.net.clone(), ends.address, &login, &options).await;
    connected.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_taken_if_it_is_vouched_for_pinned_or_nobody_asks() {
    let (identity, stranger) = (Identity::new(), Identity::new());
    for versions in [TLS12, TLS13] {
        let ends = Ends::new(|config| config.tls = Some(identity.server(versions))).await;
        let pin = fingerprint(&identity.certificate);
        for trust in [identity.trust(), Trust::Pinned(pin), Trust::Anybody] {
            connects(&ends, client(versions, &trust, NAME)).await.unwrap();
        }
        // Of this name another one vouches for itself.
        connects(&ends, client(versions, &Trust::Pinned(pin), "other.example")).await.unwrap();
        let other = client(versions, &identity.trust(), "other.example");
        let wrong_name =
            Distrust::WrongName { asked: "other.example".to_owned(), names: vec![NAME.to_owned()] };
        let wrong = [
            (client(versions, &stranger.trust(), NAME), Distrust::UnknownIssuer),
            (client(versions, &Trust::Roots(RootCertStore::empty()), NAME), Distrust::NoRoots),
            (other, wrong_name),
            (client(versions, &Trust::Pinned([0; 32]), NAME), Distrust::NotPinned),
        ];
        for (tls, why) in wrong {
            refused(&ends, tls, &identity, why).await;
        }
    }
}

/// With what is wrong, and the fingerprint by which the certificate could be pinned.
async fn refused(ends: &Ends, tls: ClientTls, identity: &Identity, why: Distrust) {
    let error = connects(ends, tls).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Untrusted);
    assert!(error.is_final(), "{error}");
    let fingerprint = Fingerprint(fingerprint(&identity.certificate));
    let ClientError::Untrusted(untrusted) = error else { panic!("{error}") };
    assert_eq!(untrusted, Untrusted { why, fingerprint });
}

#[tokio::test(start_paused = true)]
async fn dates_and_purposes_are_looked_at() {
    let (expired, future, authority) =
        (Identity::dated(2001, 2002), Identity::dated(3000, 3001), Identity::of_an_authority());
    for (identity, why) in [
        (expired, Distrust::Expired(Some(1_009_843_200))),
        (future, Distrust::NotYetValid(Some(32_503_680_000))),
        (authority, Distrust::OfAnAuthority),
    ] {
        let ends = Ends::new(|config| config.tls = Some(identity.server(TLS13))).await;
        refused(&ends, client(TLS13, &identity.trust(), NAME), &identity, why).await;
        connects(&ends, client(TLS13, &Trust::Pinned(fingerprint(&identity.certificate)), NAME))
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn tls_that_is_required_and_not_offered_is_an_error_and_auto_goes_on() {
    let identity = Identity::new();
    let ends = Ends::new(|_| {}).await;
    let error = connects(&ends, identity.client(TLS13)).await.unwrap_err();
    assert!(matches!(error, ClientError::TlsRefused(_)), "{error}");
    let login = Login::new("me", "secret").with_tls(identity.client(TLS13));
    let options = Options { tls: TlsWhen::Auto, ..Options::default() };
    let mut connected =
        ftp_endpoint::Client::connect(ends.net.clone(), ends.address, &login, &options).await.unwrap();
    assert!(connected.session().tls().is_none());
    let unknown = Login::new("me", "secret");
    let error = ftp_endpoint::Client::connect(ends.net.clone(), ends.address, &unknown, &options).await;
    assert!(matches!(error.err(), Some(ClientError::TlsUnknown)));
}

#[tokio::test(start_paused = true)]
async fn auto_takes_what_is_offered() {
    let identity = Identity::new();
    let ends = Ends::new(|config| config.tls = Some(identity.server(TLS13))).await;
    let login = Login::new("me", "secret").with_tls(identity.client(TLS13));
    let options = Options { tls: TlsWhen::Auto, ..Options::default() };
    let mut connected =
        ftp_endpoint::Client::connect(ends.net.clone(), ends.address, &login, &options).await.unwrap();
    assert!(connected.session().tls().is_some());
    connected.store("f", &b"content"[..]).await.unwrap();
    let listing = connected.list("").await.unwrap();
    assert_eq!(listing.entries.len(), 1);
    let mut got = Vec::new();
    connected.fetch("f", &mut got).await.unwrap();
    assert_eq!(got, b"content");
}

/// To read a system's authorities takes longer than to deliver a file.
#[tokio::test(start_paused = true)]
async fn authorities_are_loaded_when_a_certificate_has_come() {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    static LOADS: AtomicUsize = AtomicUsize::new(0);
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    fn load() -> RootCertStore {
        LOADS.fetch_add(1, Ordering::Relaxed);
        ROOTS.get().cloned().unwrap_or_else(RootCertStore::empty)
    }
    let identity = Identity::new();
    let Trust::Roots(roots) = identity.trust() else { panic!("{:?}", identity.trust()) };
    ROOTS.set(roots).unwrap();
    let tls = client(TLS13, &Trust::RootsLater(load), NAME);
    let in_clear = Ends::new(|_| {}).await;
    assert!(matches!(connects(&in_clear, tls.clone()).await, Err(ClientError::TlsRefused(_))));
    assert_eq!(LOADS.load(Ordering::Relaxed), 0, "the server offers no TLS");
    let ends = Ends::new(|config| config.tls = Some(identity.server(TLS13))).await;
    for _ in 0..3 {
        connects(&ends, tls.clone()).await.unwrap();
    }
    assert_eq!(LOADS.load(Ordering::Relaxed), 1);
    // What vouches for one vouches for nobody else.
    let stranger = Identity::new();
    let others = Ends::new(|config| config.tls = Some(stranger.server(TLS13))).await;
    refused(&others, tls, &stranger, Distrust::UnknownIssuer).await;
    // And of none that are found it is told as it is.
    let none = client(TLS13, &Trust::RootsLater(RootCertStore::empty), NAME);
    refused(&ends, none, &identity, Distrust::NoRoots).await;
}
