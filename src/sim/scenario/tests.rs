use super::*;
use std::collections::BTreeMap;

fn tiny() -> Scenario {
    Scenario::load("tiny").unwrap()
}

#[test]
fn embedded_scenarios_parse_and_say_their_question_first() {
    for (name, text) in EMBEDDED {
        let scenario = Scenario::load(name).unwrap();
        assert_eq!(scenario.name, name);
        assert_eq!(text.lines().next().unwrap(), format!("# {}", scenario.question), "{name}");
        assert_eq!(scenario.seeds.count() % scenario.cycle(), 0, "{name} is not balanced");
    }
}

#[test]
fn strata_are_balanced_over_a_cycle_from_any_start() {
    let scenario = tiny();
    for start in [0, 1, 17, u64::MAX - scenario.cycle()] {
        let mut count = BTreeMap::new();
        for seed in start..start + scenario.cycle() {
            let s = scenario.stratum(seed);
            *count.entry((s.direction, s.fault.name().to_owned(), s.trigger)).or_insert(0) += 1;
        }
        for ((direction, kind, trigger), n) in count {
            let expected = match trigger {
                None => 4,
                Some(TriggerName::PayloadByte) => 2,
                Some(_) => 1,
            };
            assert_eq!(n, expected, "{direction:?} {kind} {trigger:?} from {start}");
        }
    }
}

#[test]
fn json_round_trip() {
    let scenario = tiny();
    let json = serde_json::to_string(&scenario).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), scenario);
}

#[test]
fn seed_ranges() {
    assert_eq!("3..1_000".parse(), Ok(SeedRange { start: 3, end: 1000 }));
    for bad in ["", "5", "5..5", "6..5", "a..b", "1..2..3", "-1..2"] {
        assert!(bad.parse::<SeedRange>().is_err(), "{bad}");
    }
}

/// However deep the table is in which the mistake stands.
#[test]
fn a_key_or_word_that_comes_near_is_offered() {
    for (from, to, meant) in [
        ("random = 1, text", "randm = 1, text", "random"),
        ("size_bytes = [1, 8_192]", "size_byte = [1, 8_192]", "size_bytes"),
        ("queue_bytes = 250_000", "queue_bytes = 250_000\nburst_loss = { entr_ppm = 1 }", "enter_ppm"),
        ("kind = \"early_close\"", "kind = \"erly_close\"", "early_close"),
        ("restart_after_us =", "restart_us =", "restart_after_us"),
        ("mode = \"block\"", "mode = \"block\"\ntls = { versoin = \"1.3\" }", "version"),
        ("mode = \"block\"", "mode = \"block\"\ntls = { server_end = \"stric\" }", "strict"),
        ("[limits]", "[world]\ningest = { pol_us = 5_000 }\n[limits]", "poll_us"),
        ("[limits]", "[world.stranger]\nplace = \"neighbor\"\n[limits]", "neighbour"),
    ] {
        let text = include_str!("../../../sims/tiny.toml").replacen(from, to, 1);
        let said = Scenario::parse(&text, "x.toml").unwrap_err().to_string();
        assert!(said.contains(&format!("(did you mean `{meant}`?)")), "{to}: {said}");
    }
}

/// Every error names the file, the line, the key and what is accepted.
#[test]
fn errors() {
    let changes = [
        ("rtt_us =", "rtt_ms ="),
        ("kind = \"reset\"", "kind = \"rst\""),
        ("mode = \"block\"", "mode = \"page\""),
        ("files = 6", "files = \"six\""),
        ("0..56", "48"),
        ("connect_us = 5_000_000", ""),
        ("[1, 8_192]", "[10_000, 8_192]"),
        ("random = 1, text = 1, runs = 1", ""),
        ("[\"put\", \"get\"]", "[\"put\", \"put\"]"),
        ("loss_ppm = 20_000", "loss_ppm = 0"),
        ("reply_us = 8_000_000", "reply_us = 0"),
        ("kind = \"reset\"", "kind = \"reset\"\nloss_ppm = 5"),
        ("restart_after_us = 1_000_000", ""),
        ("name = \"block\"", "name = \"stream\""),
        ("name = \"block\"", "name = \"b,c\""),
        ("verify = \"size\"", "verify = \"none\""),
        ("mode = \"stream\"", "mode = \"stream\"\npipeline_depth = 4"),
        ("[limits]", "[limits"),
        ("[1, 8_192]", "[1, 1_000_000_000_000]"),
        ("files = 6", "files = 1_000_000"),
        ("random = 1, text", "random = 4_294_967_295, text"),
        ("name = \"tiny\"", "name = \"../../evil\""),
        ("name = \"block\"", "name = \"=1+1\""),
        ("name = \"tiny\"", "name = \"-x\""),
        ("[1, 8_192]", "[1, 2, 3]"),
        ("[1, 8_192]", "[1]"),
        ("question = \"", "question = \"\\u001b[2J"),
        ("note = \"block", "note = \"\\u202eblock"),
        ("directions", "companions = [\"round-trips\", \"truth\"]\ndirections"),
        ("directions", "companions = [\"habits\"]\ndirections"),
        ("directions", "triggers = [\"after_line\"]\ndirections"),
        ("directions", "companions = [\"no/such.toml\"]\ndirections"),
        ("[limits]", "[world]\nold_file = true\n\n[limits]"),
        ("[limits]", "[world]\nsource_change = \"other\"\n\n[limits]"),
        ("[limits]", "[world]\ningest = { poll_us = 10 }\n\n[limits]"),
        ("[limits]", "[world]\nold_files = true\ningest = { poll_us = 10_000 }\n\n[limits]"),
        (
            "[limits]",
            "[world.rival]\nuser = \"same\"\ndeed = \"replaces\"\nat_us = [0, 1]\nlasts_us = [2, 1]\n\n[limits]",
        ),
        (
            "[limits]",
            "[world.rival]\nuser = \"same\"\ndeed = \"replaces\"\nat_us = [0, 1, 2]\nlasts_us = [2, 3]\n\n[limits]",
        ),
        (
            "[limits]",
            "[world.rival]\nuser = \"same\"\ndeed = \"removes\"\nat_us = [0, 1]\nlasts_us = [0, 1]\n\n[limits]",
        ),
        (
            "[limits]",
            "[world.rival]\nuser = \"same\"\ndeed = \"replaces\"\nat_us = [0, 1]\nlasts_us = [0, 1]\n\n[limits]",
        ),
    ];
    let mut all = String::new();
    for (from, to) in changes {
        let text = include_str!("../../../sims/tiny.toml");
        assert!(text.contains(from), "{from}");
        let error = Scenario::parse(&text.replace(from, to), "x.toml").unwrap_err();
        all += &format!("{from} -> {to}\n{error}\n\n");
    }
    insta::assert_snapshot!(all);
    insta::assert_snapshot!(Scenario::load("tinny").unwrap_err());
    insta::assert_snapshot!(Scenario::load("no/such.toml").unwrap_err());
}

#[test]
fn a_world_has_what_makes_sense_in_it() {
    let refused = |name: &str, from: &str, to: &str| {
        let text = EMBEDDED.iter().find(|(known, _)| *known == name).unwrap().1;
        assert!(text.contains(from), "{from}");
        Scenario::parse(&text.replace(from, to), "x.toml").unwrap_err().to_string()
    };
    let change = "\n[world]\nsource_change = \"longer\"\n\n[path]";
    assert!(refused("wan-grid", "\n[path]", change).contains("`world`: expected none with a grid"));
    let at_each = refused("truth-table", "\n[path]", change);
    assert!(at_each.contains("`world.source_change`: expected none with every_wire_byte"), "{at_each}");
    let text = include_str!("../../../sims/tiny.toml");
    let (before, _) = text.split_once("[[faults]]").unwrap();
    let (_, after) = text.split_once("[[variants]]").unwrap();
    let quiet = format!("{before}[[faults]]\nkind = \"none\"\n\n[[variants]]{after}");
    assert!(Scenario::parse(&quiet, "x.toml").is_ok());
    let error = Scenario::parse(&quiet.replace("\n[path]", change), "x.toml").unwrap_err().to_string();
    assert!(error.contains("none without a fault that strikes"), "{error}");
}

/// What a command prints can be given to a shell as it is.
#[test]
fn a_scenario_of_ones_own_is_named_by_its_path() {
    assert_eq!(Scenario::load("tiny").unwrap().word(), "tiny");
    let directory = tempfile::tempdir().unwrap();
    for (name, quoted) in [("own.toml", false), ("it's my own.toml", true)] {
        let path = directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(&path, include_str!("../../../sims/tiny.toml")).unwrap();
        let word = Scenario::load(&path).unwrap().word();
        let expected = if quoted { format!("'{}'", path.replace('\'', "'\\''")) } else { path };
        assert_eq!(word, expected);
    }
}
