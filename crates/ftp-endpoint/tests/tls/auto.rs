//! TLS where the server has it, and in clear where it does not.

use ftp_endpoint::client::{Client, Login, Options, TlsWhen};
use ftp_endpoint::net::Net;
use testkit::memory_net::MemoryNet;
use testkit::script::Script;
use testkit::server::SERVER;
use testkit::tls::{Identity, NAME, TLS13, client};

/// RFC 4217 section 6: FEAT names AUTH and its mechanisms. pure-ftpd names them without a certificate, too, and who
/// tells nothing before the login may have it.
#[tokio::test(start_paused = true)]
async fn auth_is_sent_where_feat_does_not_say_that_it_is_in_vain() {
    let identity = Identity::new();
    for (features, refusal) in [
        ("211-these\r\n SIZE\r\n211 end", None),
        ("211-these\r\n AUTH KERBEROS_V4\r\n TLS\r\n211 end", None),
        ("211-these\r\n auth ssl;tls\r\n211 end", Some("534 no certificate")),
        ("530 log in first", Some("502 what?")),
    ] {
        let net = MemoryNet::new(SERVER.ip());
        let listener = net.listen(SERVER).await.unwrap();
        let serve = async {
            let mut server = Script::accept(net.clone(), &listener).await;
            server.say("220 ready").await;
            server.answer("FEAT", features).await;
            if let Some(refusal) = refusal {
                server.answer("AUTH TLS", refusal).await;
            }
            server.answer("USER me", "230 in").await;
            server.answer("TYPE I", "200 ok").await;
        };
        let connects = async {
            let login = Login::new("me", "secret").with_tls(client(TLS13, &identity.trust(), NAME));
            let options = Options { tls: TlsWhen::Auto, ..Options::default() };
            Client::connect(net.host([10, 0, 0, 2]), SERVER, &login, &options).await.map(drop)
        };
        tokio::join!(serve, connects).1.unwrap();
    }
}
