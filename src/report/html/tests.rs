use super::*;
use crate::report::terminal::tests::comparison;

#[test]
fn the_page_is_complete_and_needs_nothing_else() {
    let page = render(&comparison(), &Companions::default()).unwrap();
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
    let page = render(&comparison(), &Companions::default()).unwrap();
    let links: Vec<&str> = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!links.is_empty());
    for link in links {
        assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
    }
}

#[test]
fn the_same_comparison_gives_the_same_bytes() {
    assert_eq!(
        render(&comparison(), &Companions::default()).unwrap(),
        render(&comparison(), &Companions::default()).unwrap()
    );
}

#[test]
fn markup_in_names_is_text() {
    let mut comparison = comparison();
    comparison.scenario.question = "Is 1 < 2 & \"so\"?".to_owned();
    let page = render(&comparison, &Companions::default()).unwrap();
    assert!(page.contains("Is 1 &lt; 2 &amp; &quot;so&quot;?"));
}

fn tiny_truth() -> crate::lab::truth::TruthTable {
    let mut scenario = crate::sim::scenario::Scenario::load("truth-table").unwrap();
    scenario.variants.retain(|variant| ["stream", "block"].contains(&variant.name.as_str()));
    scenario.faults.truncate(1);
    let plan = crate::lab::truth::plan(&scenario).unwrap();
    let out = tempfile::tempdir().unwrap();
    let options = crate::lab::compare::Options {
        seeds: scenario.seeds,
        jobs: std::num::NonZeroUsize::MIN,
        out: out.path(),
    };
    let mut table = crate::lab::truth::truth(&scenario, &plan, options, || {}).unwrap();
    table.claims = crate::lab::claims::judge_truth(&table);
    table
}

#[test]
fn strips_cover_every_wire_byte_and_losses_have_their_seeds() {
    let table = tiny_truth();
    let page = truth_table(&table);
    let widths = |figure: &str| -> Vec<u64> {
        let number = |rect: &str| rect.split('"').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        figure.split("<svg").skip(1).map(|svg| svg.split(" width=\"").skip(1).map(number).sum()).collect()
    };
    let figures: Vec<&str> = page.split("<figure>").skip(1).collect();
    assert_eq!(figures.len(), 4, "two contenders, two directions");
    // A page goes by direction, the rows by contender.
    let mut strips: Vec<_> = table.strips().collect();
    strips.sort_by_key(|strip| strip.direction != crate::sim::scenario::Direction::Put);
    for (figure, strip) in figures.iter().zip(strips) {
        let bytes = strip.rows.len() as u64;
        assert_eq!(widths(figure), [bytes, bytes], "{}", strip.variant);
    }
    assert!(page.contains("ftpsim replay truth-table --variant stream --seed "));
    assert!(!page.contains("--variant block --seed"), "block mode loses nothing");
}
