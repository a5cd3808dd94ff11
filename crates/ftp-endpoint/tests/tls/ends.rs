//! What ends an upload of stream mode under TLS, and which connection may bring it.

use super::dialogue::{config, protected, secured};
use ftp_endpoint::client::ClientError;
use ftp_endpoint::client::control::Control;
use ftp_endpoint::net::{Channel, Listener, Net, Stream};
use ftp_endpoint::observe::{Nobody, Watch, Who};
use ftp_endpoint::server::Reuse;
use ftp_endpoint::transfer::TlsEnd;
use std::sync::Arc;
use testkit::memory_net::{MemoryNet, MemoryStream};
use testkit::server::*;
use testkit::tls::{Identity, TLS12, TLS13, Versions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn world_of(identity: &Identity, versions: Versions, reuse: Reuse, end: TlsEnd) -> World {
    world_with(|config| {
        let mut tls = identity.server(versions);
        (tls.reuse, tls.end) = (reuse, end);
        config.tls = Some(tls);
    })
    .await
}

/// A stream that ends without close_notify when it is dropped.
async fn half_a_file(mut data: Channel<MemoryStream>) {
    data.write_all(b"half of it").await.unwrap();
    data.flush().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_ends_without_close_notify_is_none() {
    let identity = Identity::new();
    for versions in [TLS12, TLS13] {
        for (end, code) in
            [(TlsEnd::Strict, "426"), (TlsEnd::Lax, "226"), (TlsEnd::Unasked, "226"), (TlsEnd::Any, "226")]
        {
            let world = world_of(&identity, versions, Reuse::Prefer, end).await;
            let mut client = protected(&world, config(&identity, versions)).await;
            let data = client.passive().await;
            client.ask("STOR f", 150).await;
            let data = client.secured(data).await;
            half_a_file(data).await;
            let reply = client.reply().await;
            assert!(reply.starts_with(code), "{end:?}: {reply}");
            let stands = (code == "226").then(|| b"half of it".to_vec());
            assert_eq!(world.get("f"), stands, "{end:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_ends_by_reset_is_none_but_for_comparisons() {
    let identity = Identity::new();
    for end in [TlsEnd::Strict, TlsEnd::Lax, TlsEnd::Unasked, TlsEnd::Any] {
        let world = world_of(&identity, TLS13, Reuse::Prefer, end).await;
        let mut client = protected(&world, config(&identity, TLS13)).await;
        let data = client.passive().await;
        client.ask("STOR f", 150).await;
        let mut data = client.secured(data).await;
        data.write_all(b"half of it").await.unwrap();
        data.flush().await.unwrap();
        settle().await;
        data.abort();
        let is_taken = end == TlsEnd::Any;
        assert!(client.reply().await.starts_with(if is_taken { "226" } else { "426" }), "{end:?}");
        assert_eq!(world.get("f"), is_taken.then(|| b"half of it".to_vec()));
    }
}

#[tokio::test(start_paused = true)]
async fn close_notify_ends_an_upload() {
    let identity = Identity::new();
    for versions in [TLS12, TLS13] {
        let world = world_of(&identity, versions, Reuse::Require, TlsEnd::Strict).await;
        let mut client = protected(&world, config(&identity, versions)).await;
        for number in 0..5 {
            let data = client.passive().await;
            client.ask(&format!("STOR f{number}"), 150).await;
            let mut data = client.secured(data).await;
            data.write_all(b"all of it").await.unwrap();
            data.shutdown().await.unwrap();
            let mut rest = Vec::new();
            soon(data.read_to_end(&mut rest)).await.unwrap();
            assert!(client.reply().await.starts_with("226"));
            assert_eq!(world.get(&format!("f{number}")).unwrap(), b"all of it");
            if versions == TLS13 && number == 3 {
                // rustls' client uses a ticket once, and uploads bring none.
                break;
            }
        }
    }
}

/// A data connection has to be from who has the control connection.
#[tokio::test(start_paused = true)]
async fn a_data_connection_that_resumes_nothing_or_another_session_is_refused() {
    let identity = Identity::new();
    for versions in [TLS12, TLS13] {
        let world = world_of(&identity, versions, Reuse::Require, TlsEnd::Strict).await;
        let others = config(&identity, versions);
        let _other = protected(&world, others.clone()).await;
        for stranger in [config(&identity, versions), others] {
            let mut client = protected(&world, config(&identity, versions)).await;
            let data = client.passive().await;
            client.ask("STOR f", 150).await;
            let mut data = secured(data, &stranger).await;
            let _ = data.write_all(b"not mine").await;
            let _ = data.shutdown().await;
            assert!(client.reply().await.starts_with("522"));
            assert_eq!(world.get("f"), None);
            client.ask("NOOP", 200).await;
        }
    }
}

/// What a refused connection has been given to resume lets nobody in, either.
#[tokio::test(start_paused = true)]
async fn a_stranger_does_not_become_known_by_trying() {
    let identity = Identity::new();
    for versions in [TLS12, TLS13] {
        let world = world_of(&identity, versions, Reuse::Require, TlsEnd::Strict).await;
        world.put("f", b"secret");
        let own = config(&identity, versions);
        let mut client = protected(&world, own.clone()).await;
        let stranger = config(&identity, versions);
        for (who, code) in [(&stranger, "522"), (&stranger, "522"), (&own, "226"), (&stranger, "522")] {
            let data = client.passive().await;
            client.ask("RETR f", 150).await;
            let mut data = secured(data, who).await;
            let mut got = Vec::new();
            let _ = soon(data.read_to_end(&mut got)).await;
            let reply = client.reply().await;
            assert!(reply.starts_with(code), "{versions:?}: {reply}");
            assert_eq!(got == b"secret", code == "226");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clear_connection_under_prot_p_moves_nothing() {
    let identity = Identity::new();
    let world = world_of(&identity, TLS13, Reuse::Prefer, TlsEnd::Lax).await;
    world.put("f", b"secret");
    let mut client = protected(&world, config(&identity, TLS13)).await;
    let mut data = client.passive().await;
    client.ask("STOR g", 150).await;
    data.write_all(b"in clear, and quite long enough for a record").await.unwrap();
    assert!(client.reply().await.starts_with("522"));
    let data = client.passive().await;
    client.ask("RETR f", 150).await;
    drop(data);
    assert!(client.reply().await.starts_with("522"));
    assert_eq!(world.get("g"), None);
}

/// In clear FIN says the same of a control connection.
#[tokio::test(start_paused = true)]
async fn a_control_connection_that_ends_without_close_notify_was_closed() {
    let identity = Identity::new();
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let (near, far) = tokio::join!(net.connect(None, SERVER), listener.accept());
    let mut server = Channel::Clear(far.unwrap().0);
    let accepts = server.accept_tls(Arc::new(identity.rustls_server(TLS13)));
    let client_config = config(&identity, TLS13);
    let (client, accepted) = tokio::join!(secured(near.unwrap(), &client_config), accepts);
    accepted.unwrap();
    let watch = Watch::new(Arc::new(Nobody), Who::Client, 1);
    let mut control = Control::new(net, client, PATIENCE, watch).unwrap();
    drop(server);
    let error = control.read_completion().await.unwrap_err();
    assert!(matches!(error, ClientError::ControlClosed), "{error}");
}

/// Few clients send close_notify behind QUIT: the upload that is under way is taken all the same.
#[tokio::test(start_paused = true)]
async fn a_client_that_has_quit_without_close_notify_has_its_upload_taken() {
    let identity = Identity::new();
    let world = world_of(&identity, TLS13, Reuse::Prefer, TlsEnd::Strict).await;
    let mut client = protected(&world, config(&identity, TLS13)).await;
    let data = client.passive().await;
    client.ask("STOR f", 150).await;
    let mut data = client.secured(data).await;
    data.write_all(b"all ").await.unwrap();
    data.flush().await.unwrap();
    client.send("QUIT\r\n").await;
    drop(client);
    settle().await;
    data.write_all(b"of it").await.unwrap();
    data.shutdown().await.unwrap();
    soon(data.read_to_end(&mut Vec::new())).await.unwrap();
    settle().await;
    assert_eq!(world.get("f").unwrap(), b"all of it");
}

/// In clear two connections to a data port are one too many; under TLS the handshake tells whose one is.
#[tokio::test(start_paused = true)]
async fn another_connection_to_the_data_port_does_no_harm_under_tls() {
    let identity = Identity::new();
    let world = world_of(&identity, TLS13, Reuse::Require, TlsEnd::Strict).await;
    world.put("f", b"content");
    let mut client = protected(&world, config(&identity, TLS13)).await;
    let reply = client.ask("EPSV", 229).await;
    let port = ftp_proto::address::parse_extended_passive(reply.trim_end()).unwrap();
    let host = world.net.host([10, 0, 0, 2]);
    let data = host.connect(None, (SERVER.ip(), port).into()).await.unwrap();
    let _other = host.connect(None, (SERVER.ip(), port).into()).await.unwrap();
    client.ask("RETR f", 150).await;
    let mut got = Vec::new();
    soon(client.secured(data).await.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, b"content");
    assert!(client.reply().await.starts_with("226"));
}
