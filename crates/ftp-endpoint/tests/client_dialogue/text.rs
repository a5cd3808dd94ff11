//! Listings as text, as `ls` shows them.

use super::*;
use ftp_proto::repr::Representation;

/// What is shown of `path`, where `entering` says what is asked before and `list` how; a listing that began has one line.
/// `None` where it fails.
async fn shown(
    path: &str,
    entering: &[(&str, &str)],
    list: &str,
    began: bool,
    ended: &str,
) -> Option<Vec<u8>> {
    let shown = Mutex::new(None);
    play(
        &Policy { representation: Representation::Ascii, ..Policy::default() },
        |mut s| async move {
            s.say("220 ready").await;
            s.answer("USER me", "230 in").await;
            for (command, reply) in entering {
                s.answer(command, reply).await;
            }
            let mut data = s.passive().await;
            s.expect(list).await;
            if began {
                s.say("150 here").await;
                data.write_all(b"a line\r\n").await.unwrap();
                drop(data);
            }
            s.say(ended).await;
        },
        |mut c| {
            let shown = &shown;
            async move {
                let mut lines = Sink::default();
                let listed = c.list_text(path, false, &mut lines).await;
                *shown.lock().unwrap() = listed.ok().map(|()| lines.0);
            }
        },
    )
    .await;
    shown.into_inner().unwrap()
}

const GOES: [(&str, &str); 3] = [("PWD", "257 \"/\""), ("CWD x", "250 ok"), ("PWD", "257 \"/x\"")];
const STAYS: [(&str, &str); 2] = [("PWD", "257 \"/\""), ("CWD x", "550 no directory")];

/// Of a directory in which we are; of a name the same answer says that there is nothing of that name.
#[tokio::test(start_paused = true)]
async fn only_a_directory_can_be_empty() {
    let none = "550 No files found";
    assert_eq!(shown("", &[], "LIST", false, none).await, Some(Vec::new()));
    assert_eq!(shown("x", &GOES, "LIST", false, none).await, Some(Vec::new()));
    assert_eq!(shown("x", &STAYS, "LIST x", false, none).await, None);
    for failed in ["550 Permission denied", "550 No such file or directory"] {
        assert_eq!(shown("", &[], "LIST", false, failed).await, None);
    }
}

/// vsftpd says 226 of a directory that it could not read.
#[tokio::test(start_paused = true)]
async fn what_is_listed_is_shown_unless_the_server_says_that_it_failed() {
    let line = Some(b"a line\r\n".to_vec());
    assert_eq!(shown("", &[], "LIST", true, "226 done").await, line);
    assert_eq!(shown("x", &STAYS, "LIST x", true, "226 done").await, line);
    let failed = "226 Transfer done (but failed to open directory).";
    assert_eq!(shown("", &[], "LIST", true, failed).await, None);
}
