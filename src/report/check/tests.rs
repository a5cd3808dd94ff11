use super::*;
use crate::check::Level;

fn outcome(id: &'static str, verdict: Verdict, seen: &str) -> Outcome {
    Outcome {
        id,
        section: "959/4.1",
        level: Level::Must,
        sentence: "It is <so>.",
        verdict,
        seen: seen.to_owned(),
        dialogue: vec!["> NOOP".to_owned(), format!("< 500 {seen}")],
    }
}

fn told(outcomes: &[Outcome], expected: &[&str], what: impl Fn(&Told<'_>)) {
    let expected = expected.iter().map(|id| (*id).to_owned()).collect();
    what(&Told { title: "a <server>", outcomes, expected: &expected });
}

#[test]
fn what_was_expected_is_no_failure_and_what_passes_is_told() {
    let all = [
        outcome("959/4.1/a", Verdict::Fail, "x"),
        outcome("959/4.1/b", Verdict::Fail, "x"),
        outcome("959/4.1/c", Verdict::Pass, "x"),
        outcome("2389/3/d", Verdict::Skipped, "x"),
    ];
    told(&all, &["959/4.1/a", "959/4.1/c"], |told| {
        assert_eq!(told.failures().map(|o| o.id).collect::<Vec<_>>(), ["959/4.1/b"]);
        assert_eq!(told.surprises().map(|o| o.id).collect::<Vec<_>>(), ["959/4.1/c"]);
        let text = terminal::render(told);
        assert!(text.contains("RFC 959") && text.contains("RFC 2389"), "{text}");
        assert!(text.contains("FAIL 959/4.1/b") && !text.contains("FAIL 959/4.1/a"), "{text}");
        assert!(text.contains("959/4.1/c was expected to fail, and passes"), "{text}");
        let xml = junit::render(told);
        assert!(xml.contains("tests=\"4\" failures=\"1\" skipped=\"2\""), "{xml}");
    });
}

#[test]
fn what_could_not_be_asked_is_told_by_its_reasons() {
    let all = [
        outcome("959/4.1/a", Verdict::Untestable, "read-only"),
        outcome("959/4.1/b", Verdict::Untestable, "greeting: 421"),
        outcome("959/4.1/c", Verdict::Untestable, "greeting: 421"),
        outcome("959/4.1/d", Verdict::Skipped, "no TLS"),
    ];
    told(&all, &[], |told| {
        let text = terminal::render(told);
        assert!(!told.has_judged());
        assert!(
            text.ends_with("2 untestable: greeting: 421\n1 untestable: read-only\n1 skipped: no TLS\n"),
            "{text}"
        );
    });
    let with_a_pass = [&all[..], &[outcome("959/4.1/e", Verdict::Pass, "200")]].concat();
    told(&with_a_pass, &[], |told| {
        assert!(told.has_judged() && !terminal::render(told).contains("no TLS"));
    });
}

#[test]
fn what_the_other_side_says_deceives_nobody() {
    let nasty = "\u{1b}[2J<b>&\"]]>\u{202e}\0\u{10fefc}";
    told(&[outcome("959/4.1/a", Verdict::Fail, nasty)], &[], |told| {
        for text in [terminal::render(told), junit::render(told), html::render(told)] {
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\0', '\u{10fefc}']), "{text}");
        }
        for text in [junit::render(told), html::render(told)] {
            assert!(
                !text.contains("<b>&\"") && !text.contains("<so>") && !text.contains("a <server>"),
                "{text}"
            );
        }
    });
}
