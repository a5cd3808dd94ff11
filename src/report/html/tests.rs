use super::*;
use crate::report::terminal::tests::comparison;

#[test]
fn the_page_is_complete_and_needs_nothing_else() {
    let page = render(&comparison()).unwrap();
    for id in ["claims", "reliability", "time", "cost", "conditions", "losses"] {
        assert!(page.contains(&format!("id={id}>")), "{id}");
    }
    for outside in ["src=", "@import", "<script", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("NaN") && !page.contains("#010203") && !page.contains("#040506"));
}

#[test]
fn every_link_leads_somewhere() {
    let page = render(&comparison()).unwrap();
    let links: Vec<&str> = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!links.is_empty());
    for link in links {
        assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
    }
}

#[test]
fn the_same_comparison_gives_the_same_bytes() {
    assert_eq!(render(&comparison()).unwrap(), render(&comparison()).unwrap());
}

#[test]
fn markup_in_names_is_text() {
    let mut comparison = comparison();
    comparison.scenario.question = "Is 1 < 2 & \"so\"?".to_owned();
    let page = render(&comparison).unwrap();
    assert!(page.contains("Is 1 &lt; 2 &amp; &quot;so&quot;?"));
}
