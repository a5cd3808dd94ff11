//! Data connections by themselves: what ends them, in clear and under TLS, and what is marked in a file.

use super::dialogue::{config, secured};
use ftp_endpoint::net::{Channel, Listener, Net, Stream};
use ftp_endpoint::observe::{Watch, Who};
use ftp_endpoint::store::memory::MemoryStore;
use ftp_endpoint::store::{ReadFile, Store};
use ftp_endpoint::transfer::{DataConnection, TlsEnd, TransferError};
use ftp_proto::mode::{Coding, Structure, TransmissionMode};
use ftp_proto::repr::{Conversion, RecordForm, Representation};
use std::num::NonZeroU64;
use std::sync::Arc;
use testkit::files::{Bytes, Failing, Sink};
use testkit::memory_net::{MemoryNet, MemoryStream};
use testkit::server::{Notes, PATIENCE, SERVER, path_of, read_all, settle};
use testkit::tls::{Identity, TLS13};
use tokio::io::AsyncWriteExt;

/// This end's connection, whose observer takes notes.
fn data(stream: Channel<MemoryStream>, coding: Coding) -> (DataConnection<MemoryNet>, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let watch = Watch::new(notes.clone(), Who::Client, 1);
    let net = MemoryNet::new(SERVER.ip());
    (DataConnection::new(net, stream, coding, PATIENCE, watch).unwrap(), notes)
}

fn coding(mode: TransmissionMode, structure: Structure) -> Coding {
    Coding { mode, structure, filler: 0 }
}

async fn pair() -> (MemoryStream, MemoryStream) {
    let net = MemoryNet::new(SERVER.ip());
    let listener = net.listen(SERVER).await.unwrap();
    let (near, far) = tokio::join!(net.connect(None, SERVER), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    CloseNotify,
    Fin,
    Reset,
}

/// Receives half a file that ends so; whether it has noticed that anybody could have ended it.
async fn received(mode: TransmissionMode, tls_end: TlsEnd, ending: Ending) -> (String, bool) {
    let identity = Identity::new();
    let (near, far) = pair().await;
    let client_config = config(&identity, TLS13);
    let mut peer = Channel::Clear(far);
    let accepts = peer.accept_tls(Arc::new(identity.rustls_server(TLS13)));
    let (near, accepted) = tokio::join!(secured(near, &client_config), accepts);
    accepted.unwrap();
    let (mut data, _) = data(near, coding(mode, Structure::File));
    assert!(data.is_protected());
    data.end_by(tls_end);
    let sends = async move {
        peer.write_all(b"\0\0\x05half ").await.unwrap();
        peer.flush().await.unwrap();
        settle().await;
        match ending {
            Ending::CloseNotify => peer.shutdown().await.unwrap(),
            Ending::Fin => drop(peer),
            Ending::Reset => peer.abort(),
        }
    };
    let (mut file, mut peer_end) = (Sink::default(), std::pin::pin!(sends));
    let (result, ()) = tokio::join!(data.receive_file("f", &mut file), peer_end.as_mut());
    let told = match result {
        Ok(_) => "whole",
        Err(TransferError::NoCloseNotify) => "no close_notify",
        Err(TransferError::Truncated) => "truncated",
        Err(TransferError::Connection(_)) => "connection",
        Err(other) => panic!("{other}"),
    };
    (told.to_owned(), data.ended_unmarked())
}

/// Under TLS anybody on the path can make a FIN or a reset, and nobody but the sender close_notify.
#[tokio::test(start_paused = true)]
async fn who_may_have_ended_a_file_is_told() {
    use TlsEnd::{Any, Lax, Strict, Unasked};
    for (tls_end, fin, is_unmarked, reset) in [
        (Strict, "no close_notify", false, "connection"),
        (Lax, "whole", true, "connection"),
        (Unasked, "whole", false, "connection"),
        (Any, "whole", false, "whole"),
    ] {
        let stream = async |ending| received(TransmissionMode::Stream, tls_end, ending).await;
        assert_eq!(stream(Ending::CloseNotify).await, ("whole".to_owned(), false), "{tls_end:?}");
        assert_eq!(stream(Ending::Fin).await, (fin.to_owned(), is_unmarked), "{tls_end:?}");
        assert_eq!(stream(Ending::Reset).await, (reset.to_owned(), false), "{tls_end:?}");
        // Where the mode marks the end, no end of the connection is one of the file.
        let block = async |ending| received(TransmissionMode::Block, tls_end, ending).await;
        assert_eq!(block(Ending::Fin).await, ("truncated".to_owned(), false), "{tls_end:?}");
        assert_eq!(block(Ending::Reset).await, ("connection".to_owned(), false), "{tls_end:?}");
    }
}

/// In clear an end is told when it is made, and not again when nothing is left to reset.
#[tokio::test(start_paused = true)]
async fn the_end_of_what_is_unfinished_is_told_once() {
    let (near, far) = pair().await;
    let (mut data, notes) = data(Channel::Clear(near), coding(TransmissionMode::Stream, Structure::File));
    data.end_unfinished(true);
    assert!(matches!(data.send_file("f", &mut Failing::default()).await, Err(TransferError::Store(_))));
    assert_eq!(notes.count("data closed"), 1);
    data.abort();
    assert_eq!(notes.count("data closed") + notes.count("data aborted"), 1);
    assert_eq!(read_all(far).await.unwrap(), [b'x'; 10]);
}

/// A place in a file of marked records says nothing of what is to be read there.
#[tokio::test(start_paused = true)]
async fn a_file_of_records_is_sent_without_restart_markers() {
    let store = MemoryStore::new();
    store.insert(&path_of("f"), &b"\x80\0\0\x03abc\x80\0\0\x03def"[..]);
    let conversion = |representation, structure| {
        Some(Conversion { representation, structure, record_form: RecordForm::Marked })
    };
    for (conversion, structure, wire) in [
        (
            conversion(Representation::Image, Structure::Record),
            Structure::Record,
            &b"\x80\0\x03abc\xC0\0\x03def"[..],
        ),
        (None, Structure::File, b"\0\0\x07\x80\0\0\x03abc\x10\0\x017\x40\0\x07\x80\0\0\x03def"),
    ] {
        let (near, far) = pair().await;
        let (mut data, _) = data(Channel::Clear(near), coding(TransmissionMode::Block, structure));
        data.set_conversion(conversion);
        data.send_markers(NonZeroU64::new(7));
        let mut file = store.read(&path_of("f"), 0).await.unwrap();
        assert_eq!(file.marker().as_deref(), Some("0"));
        data.send_file("f", &mut file).await.unwrap();
        data.close().await;
        assert_eq!(read_all(far).await.unwrap(), wire, "{structure:?}");
    }
}

/// In clear a sender has only the receiver's end of the connection to go by: whoever has not read the file resets it.
#[tokio::test(start_paused = true)]
async fn a_file_that_the_peer_has_reset_was_not_read() {
    for resets in [false, true] {
        let (near, mut far) = pair().await;
        let (mut data, notes) = data(Channel::Clear(near), coding(TransmissionMode::Stream, Structure::File));
        assert!(!data.is_protected());
        let moved = data.send_file("f", &mut Bytes::new(b"content")).await.unwrap();
        assert_eq!((moved.payload_bytes, data.total()), (7, moved));
        data.end().await;
        // What comes the wrong way is no answer.
        far.write_all(b"noise").await.unwrap();
        settle().await;
        let peer = async move {
            settle().await;
            if resets { far.abort() } else { assert_eq!(read_all(far).await.unwrap(), b"content") }
        };
        let (read, ()) = tokio::join!(data.was_read(), peer);
        assert_eq!(matches!(read, Err(TransferError::Connection(_))), resets, "{read:?}");
        assert_eq!(notes.count("data reset"), usize::from(resets));
        assert!(data.was_read().await.is_ok(), "it is asked once");
        // What has been ended and not been asked to end so when it fails is reset all the same.
        data.abort();
        assert_eq!(notes.count("data aborted"), 1);
    }
}
