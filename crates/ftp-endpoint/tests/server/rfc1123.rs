//! The requirements summary of RFC 1123 section 4.1.5, line by line: every MUST, SHOULD, SHOULD NOT
//! and MUST NOT with the tests that show it.

use std::fs;
use std::path::Path;

struct By(&'static [&'static str]);

/// Feature, section, level, tests; none is unmet. Commands are rows of `sequences.rs`'s table.
const TABLE: &[(&str, &str, &str, By)] = &[
    ("TYPE T if same as TYPE N", "4.1.2.2", "SHOULD", By(&["parameters"])),
    (
        "File/Record transform invertible if possible",
        "4.1.2.4",
        "SHOULD",
        By(&["record_structure_is_stored_literally"]),
    ),
    (
        "User-FTP send PORT cmd for stream mode",
        "4.1.2.5",
        "SHOULD",
        By(&["stream_mode_takes_a_connection_for_each_file_and_ends_it_by_closing"]),
    ),
    ("Server-FTP implement PASV", "4.1.2.6", "MUST", By(&["parameters", "pasv_names_this_host"])),
    ("PASV is per-transfer", "4.1.2.6", "MUST", By(&["stream_mode_both_ways"])),
    ("NLST reply usable in RETR cmds", "4.1.2.7", "MUST", By(&["listings"])),
    ("Implied type for LIST and NLST", "4.1.2.7", "SHOULD", By(&["listings"])),
    ("SITE cmd for non-standard features", "4.1.2.8", "SHOULD", By(&["a_download_with_markers"])),
    ("STOU cmd return pathname as specified", "4.1.2.9", "MUST", By(&["store_unique"])),
    ("Use TCP READ boundaries on control conn.", "4.1.2.10", "MUST NOT", By(&["commands_in_any_cut"])),
    (
        "Server-FTP send only correct reply format",
        "4.1.2.11",
        "MUST",
        By(&["every_dialogue_ends_well", "the_writer_pads_lines_that_begin_with_a_code"]),
    ),
    (
        "Server-FTP use defined reply code if possible",
        "4.1.2.11",
        "SHOULD",
        By(&["the_table_knows_every_verb", "logged_in_after_rnfr_and_after_rest"]),
    ),
    (
        "User-FTP use only high digit of reply",
        "4.1.2.11",
        "SHOULD",
        By(&["a_refusal_during_the_transfer_is_heard_and_leaves_the_session_in_step"]),
    ),
    ("User-FTP handle multi-line reply lines", "4.1.2.11", "MUST", By(&["the_rfc_example"])),
    (
        "User-FTP handle 421 reply specially",
        "4.1.2.11",
        "SHOULD NOT",
        By(&["a_421_between_transfers_is_noticed_before_the_next"]),
    ),
    ("Default data port same IP addr as ctl conn", "4.1.2.12", "MUST", By(&["default_port", "active_mode"])),
    (
        "User-FTP send Telnet cmds exc. SYNCH, IP",
        "4.1.2.12",
        "MUST NOT",
        By(&["what_parses_is_written_and_parses_again"]),
    ),
    (
        "User-FTP negotiate Telnet options",
        "4.1.2.12",
        "MUST NOT",
        By(&["bare_code_bare_line_feed_and_telnet_commands"]),
    ),
    (
        "Server-FTP handle Telnet options",
        "4.1.2.12",
        "MUST",
        By(&["telnet", "options_are_refused_and_agreements_ignored"]),
    ),
    (
        "Handle \"Experimental\" directory cmds",
        "4.1.3.1",
        "SHOULD",
        By(&["verbs_in_any_case_and_their_old_spellings", "names"]),
    ),
    ("Idle timeout in server-FTP", "4.1.3.2", "SHOULD", By(&["timeouts_are_told"])),
    ("Configurable idle timeout", "4.1.3.2", "SHOULD", By(&["a_file_and_the_command_line"])),
    (
        "Receiver checkpoint data at Restart Marker",
        "4.1.3.4",
        "SHOULD",
        By(&["an_upload_goes_on_from_a_marker", "a_marker_in_the_middle_of_an_end_of_line"]),
    ),
    ("Sender assume 110 replies are synchronous", "4.1.3.4", "MUST NOT", By(&["a_download_with_markers"])),
    ("TYPE ASCII - Non-Print (AN)", "4.1.2.13", "MUST", By(&["ascii"])),
    ("TYPE ASCII - Telnet (AT) -- if same as AN", "4.1.2.2", "SHOULD", By(&["parameters"])),
    ("TYPE IMAGE", "4.1.2.1", "MUST", By(&["stream_mode_both_ways"])),
    ("TYPE LOCAL 8", "4.1.2.1", "MUST", By(&["parameters"])),
    ("MODE Stream", "4.1.2.13", "MUST", By(&["stream_mode_both_ways"])),
    ("STRUCTURE File", "4.1.2.13", "MUST", By(&["stream_mode_both_ways"])),
    ("STRUCTURE Record", "4.1.2.13", "MUST", By(&["record_structure_is_stored_literally"])),
    ("STRUCTURE Page", "4.1.2.3", "SHOULD NOT", By(&["parameters"])),
    (
        "Commands USER PASS ACCT CWD CDUP QUIT PORT PASV TYPE STRU MODE RETR STOR APPE RNFR RNTO DELE RMD MKD PWD \
         LIST NLST STAT SYST HELP NOOP",
        "4.1.2.13",
        "MUST",
        By(&["the_table_knows_every_verb", "before_and_within_a_login", "during_a_transfer"]),
    ),
    ("Arbitrary pathnames", "4.1.4.1", "MUST", By(&["all_parts", "a_name_cannot_carry_a_second_command"])),
    ("Implement \"QUOTE\" command", "4.1.4.2", "MUST", By(&["quote_sends_what_it_is_given"])),
    (
        "Transfer control commands immediately",
        "4.1.4.2",
        "SHOULD",
        By(&["quote_sends_each_line_as_it_is_entered"]),
    ),
    ("Display error messages to user", "4.1.4.3", "SHOULD", By(&["refused_files_do_not_disturb_the_others"])),
    ("Verbose mode", "4.1.4.3", "SHOULD", By(&["verbose_shows_the_dialogue"])),
    (
        "Maintain synchronization with server",
        "4.1.4.4",
        "SHOULD",
        By(&["a_refusal_during_the_transfer_is_heard_and_leaves_the_session_in_step"]),
    ),
];

fn sources(directory: &Path, out: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("rfc1123.rs") {
            out.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_requirement_names_tests_that_exist() {
    // The tests that a requirement names stand all over the workspace.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut text = String::new();
    sources(&root.join("src"), &mut text);
    sources(&root.join("crates"), &mut text);
    sources(&root.join("tests"), &mut text);
    for (feature, section, level, By(tests)) in TABLE {
        assert!(
            section.starts_with("4.1.") && level.chars().all(|letter| letter.is_uppercase() || letter == ' ')
        );
        assert!(!tests.is_empty(), "{feature}");
        for test in *tests {
            let definition = format!("fn {test}(");
            let found = text
                .match_indices(&definition)
                .any(|found| text[..found.0].lines().rev().take(4).any(|line| line.contains("test")));
            assert!(found, "{feature}: there is no test {test}");
        }
    }
}

/// As many of each level as the RFC's table has; it gives each of 26 commands a line of its own, and
/// STRU R a MUST for hosts with record-structured files.
#[test]
fn no_requirement_is_left_out() {
    let count = |level: &str| TABLE.iter().filter(|row| row.2 == level).count();
    let commands = TABLE.iter().find(|row| row.0.starts_with("Commands ")).unwrap();
    assert_eq!(commands.0.split_whitespace().count() - 1, 26);
    assert_eq!(
        [count("MUST") - 1 + 26, count("SHOULD"), count("SHOULD NOT"), count("MUST NOT")],
        [42, 16, 2, 4]
    );
}
