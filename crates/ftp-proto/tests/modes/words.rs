//! What modes are called.

use ftp_proto::TransmissionMode;

#[test]
fn modes_have_the_names_of_the_command_line() {
    let names: Vec<&str> = TransmissionMode::ALL.into_iter().map(TransmissionMode::as_str).collect();
    assert_eq!(names, ["stream", "block", "compressed", "deflate"]);
}
