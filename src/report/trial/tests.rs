use super::*;
use crate::trial::LeftOut;

fn row(client: &str, fault: &'static str, trigger: &str, verdict: &'static str, said: &str) -> Row {
    let silent = verdict.starts_with("silent");
    Row {
        client: client.to_owned(),
        client_version: "1".to_owned(),
        client_settings: "default".to_owned(),
        server: "vsftpd".to_owned(),
        server_version: "3".to_owned(),
        server_settings: "x".to_owned(),
        direction: "put",
        tls: false,
        size_bytes: 9,
        fault,
        trigger: trigger.to_owned(),
        at_byte: None,
        lasts_ms: None,
        hidden: fault == "corrupt",
        exit_status: "0".to_owned(),
        final_reply: said.to_owned(),
        content: "prefix",
        verdict,
        silent,
        attempts: 1,
        seconds: 0.5,
        said: said.to_owned(),
        command: format!("ftpsim trial {said}"),
        dialogue: vec![format!("< 226 {said}")],
    }
}

fn tried(said: &str) -> Tried {
    let rows = vec![
        row("curl", "none", "never", "intact", said),
        row("curl", "early_close", "middle", "silent_truncation", said),
        row("curl", "corrupt", "middle", "silent_corruption", said),
        row("curl", "reset", "middle", "not_struck", said),
    ];
    Tried { rows, left_out: vec![LeftOut { pair: "b".to_owned(), why: said.to_owned() }] }
}

#[test]
fn what_nobody_can_see_fails_only_when_asked_for() {
    let tried = tried("x");
    for (hidden_fails, failures) in [(false, 1), (true, 2)] {
        let told = Told { tried: &tried, hidden_fails };
        assert_eq!(told.failures().count(), failures);
        let xml = junit::render(&told);
        let counts = format!("tests=\"5\" failures=\"{failures}\" skipped=\"2\"");
        assert!(xml.contains(&counts), "{xml}");
        assert_eq!(xml.matches("<failure ").count(), failures);
    }
    let told = Told { tried: &tried, hidden_fails: false };
    assert_eq!(
        told.summary(),
        "1 of 3 runs lost something silently; 1 more by corruption, which nobody can see without a hash; in 1 the \
         fault found no place"
    );
    let text = terminal::render(&told);
    assert!(text.contains("silent_truncation: ftpsim trial x") && text.contains("left out: b: x"), "{text}");
    let page = html::render(&told);
    assert!(
        page.contains("href=\"#put-client-curl-early_close\">1/1<")
            && page.contains("id=\"put-client-curl-early_close\"")
    );
    assert!(!page.contains("id=\"put-client-curl-reset\""), "nothing was struck there");
}

#[test]
fn what_the_other_side_says_deceives_nobody() {
    let tried = tried("\u{1b}[2J<b>&\"]]>\u{202e}\0\u{10fefc}");
    let told = Told { tried: &tried, hidden_fails: false };
    for text in [terminal::render(&told), junit::render(&told), html::render(&told)] {
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\0', '\u{10fefc}']), "{text}");
    }
    for text in [junit::render(&told), html::render(&told)] {
        assert!(!text.contains("<b>&\""), "{text}");
    }
}
