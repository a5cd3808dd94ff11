//! Whom our client trusts.

use super::deliveries::Ends;
use ftp_endpoint::client::{
    ClientError, ClientTls, FailureKind, Login, Options, TlsWhen, Trust, fingerprint,
};
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
        let wrong = [
            client(versions, &stranger.trust(), NAME),
            client(versions, &identity.trust(), "other.example"),
            client(versions, &Trust::Pinned([0; 32]), NAME),
        ];
        for tls in wrong {
            let error = connects(&ends, tls).await.unwrap_err();
            assert!(matches!(error, ClientError::Tls(_)), "{error}");
            assert_eq!(error.kind(), FailureKind::Connect);
            assert!(error.is_final(), "{error}");
        }
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
