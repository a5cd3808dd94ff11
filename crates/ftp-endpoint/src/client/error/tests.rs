use super::*;

fn reply(code: u16) -> Reply {
    Reply::new(code, "so")
}

fn broken() -> TransferError {
    TransferError::Connection(io::ErrorKind::ConnectionReset.into())
}

fn refused(code: u16) -> ClientError {
    ClientError::Refused { command: "RETR f".to_owned(), reply: reply(code) }
}

fn unverifiable(code: u16) -> ClientError {
    ClientError::Unverifiable { command: "SIZE", reply: reply(code) }
}

/// Who tries again what is final tries in vain; who does not what is transient loses the file.
#[test]
fn only_what_would_be_the_same_again_is_final() {
    for (error, is_final) in [
        (refused(450), false),
        (refused(499), false),
        (refused(500), true),
        (refused(550), true),
        (ClientError::LoginRefused(reply(421)), false),
        (ClientError::LoginRefused(reply(530)), true),
        (ClientError::TlsRefused(reply(431)), false),
        (ClientError::TlsRefused(reply(500)), true),
        (ClientError::TlsRefused(reply(534)), true),
        (ClientError::TlsUnknown, true),
        (ClientError::NotDurable, true),
        (ClientError::Tls(io::ErrorKind::InvalidData.into()), true),
        (ClientError::Tls(io::ErrorKind::UnexpectedEof.into()), false),
        (unverifiable(450), false),
        (unverifiable(502), true),
        (ClientError::Cancelled, true),
        (ClientError::BadName, true),
        (ClientError::BadTime, true),
        (ClientError::ControlClosed, false),
        (ClientError::Transfer { error: broken(), reply: None }, false),
        (ClientError::TransferRefused(reply(550)), false),
    ] {
        assert_eq!(error.is_final(), is_final, "{error}");
    }
}

#[test]
fn what_the_server_made_of_a_failure_is_said_with_it() {
    let alone = ClientError::Transfer { error: broken(), reply: None }.to_string();
    let told = ClientError::Transfer { error: broken(), reply: Some(reply(426)) };
    assert_eq!(alone, broken().to_string());
    assert_eq!(told.to_string(), format!("{alone}; the server said 426 so"));
    assert_eq!(told.reply(), Some(&reply(426)));
    assert_eq!(refused(550).reply(), Some(&reply(550)));
    assert_eq!(unverifiable(502).reply(), Some(&reply(502)));
    assert_eq!(ClientError::ControlClosed.reply(), None);
}
