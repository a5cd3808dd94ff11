use super::*;
use crate::report::terminal::tests::{compared, comparison};

#[test]
fn the_page_is_complete_and_needs_nothing_else() {
    let page = render(&comparison(), &Companions::default()).unwrap();
    for id in ["ways", "reliability", "exposed", "time", "cost", "claims", "losses", "conditions"] {
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
        let ids = [format!("id=\"{link}\""), format!("id={link}>")];
        assert!(ids.iter().any(|id| page.contains(id)), "{link}");
    }
}

#[test]
fn the_same_comparison_gives_the_same_bytes() {
    assert_eq!(
        render(&comparison(), &Companions::default()).unwrap(),
        render(&comparison(), &Companions::default()).unwrap()
    );
}

/// Above the answers, the contents and every table; and tables say that they count them.
#[test]
fn runs_that_did_not_end_stand_at_the_top() {
    let cut = compared(0..96, |variant, seed| variant.name == "block" && seed % 32 == 3);
    let page = render(&cut, &Companions::default()).unwrap();
    let note = "<p class=unfinished><b>Unfinished.</b> 3 of 384 runs did not end";
    let (before, rest) = page.split_once(note).unwrap();
    let (_, title) = before.rsplit_once("<h1>").unwrap();
    assert!(title.ends_with("</p>\n") && !title.contains("<h2"), "{title}");
    assert!(rest.contains("<div class=answers>") && rest.contains("id=reliability>"));
    assert_eq!(
        rest.matches("(runs that did not end are counted)").count(),
        4,
        "losses, exposure, times and costs"
    );
    let ended = render(&comparison(), &Companions::default()).unwrap();
    assert!(!ended.contains("<b>Unfinished.</b>") && !ended.contains("did not end"));
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
        from: Default::default(),
    };
    let mut table = crate::lab::truth::truth(&scenario, &plan, options, || {}).unwrap();
    table.claims = crate::lab::claims::judge_truth(&table);
    table
}

#[test]
fn strips_cover_every_wire_byte_and_losses_have_their_seeds() {
    let table = tiny_truth();
    let page = truth_table(&table);
    assert!(!table.claims.is_empty());
    assert_eq!(
        page.matches("<div class=\"claim ").count(),
        table.claims.len(),
        "what was judged stands on the page"
    );
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

/// Of a style sheet, its custom properties for light and for dark.
fn colours(css: &str) -> [std::collections::BTreeMap<String, [f64; 3]>; 2] {
    let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
    let read = |text: &str| {
        let properties = text.split("--").skip(1).filter_map(|part| part.split_once(": #"));
        let channel =
            |hex: &str, at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        let named = properties.filter(|(_, hex)| hex.len() > 5 && hex.is_char_boundary(6));
        named.map(|(name, hex)| (name.to_owned(), [0, 2, 4].map(|at| channel(hex, at)))).collect()
    };
    [read(light), read(dark.split_once("@media").map_or(dark, |(first, _)| first))]
}

/// WCAG 2.2, relative luminance and contrast ratio.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |rgb: [f64; 3]| {
        let [r, g, b] = rgb.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_and_marks_stand_out_in_light_and_dark() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    let page = colours(super::page::CSS);
    let marks = colours(truth::CSS);
    let grounds = ["paper", "card"];
    for (all, marks) in page.iter().zip(&marks) {
        assert!(all.len() >= 15 && marks.len() >= 13, "{} {}", all.len(), marks.len());
        for ground in grounds {
            for (name, colour) in
                all.iter().filter(|(name, _)| !grounds.contains(&name.as_str()) && *name != "grid")
            {
                let contrast = contrast(*colour, all[ground]);
                assert!(contrast >= 4.5, "{name} on {ground}: {contrast:.2}");
            }
        }
        for (name, colour) in marks {
            let contrast = contrast(*colour, all["paper"]);
            assert!(contrast >= 3.0, "{name}: {contrast:.2}");
        }
    }
}

/// Brettel, Viénot and Mollon's dichromats, as Viénot 1999 has them for displays (linear RGB): the red of loss is
/// far from every contender's colour, to them as well.
#[test]
fn the_colour_of_loss_is_no_contenders() {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let seen = |rgb: [f64; 3], [[a, b, c], [d, e, f]]: [[f64; 3]; 2]| {
        let [r, g, bl] = rgb.map(linear);
        [a * r + b * g + c * bl, d * r + e * g + f * bl, bl]
    };
    let protan = [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0]];
    let deutan = [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0]];
    let normal = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
    for all in colours(super::page::CSS) {
        for eye in [normal, protan, deutan] {
            let lost = seen(all["lost"], eye);
            for name in ["stream", "record", "block", "compressed", "deflate"] {
                let other = seen(all[name], eye);
                let distance: f64 =
                    lost.iter().zip(other).map(|(a, b)| (a.cbrt() - b.cbrt()).powi(2)).sum::<f64>().sqrt();
                assert!(distance > 0.15, "{name}: {distance:.3}");
            }
        }
    }
}
