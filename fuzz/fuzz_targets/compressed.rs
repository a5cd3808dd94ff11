#![no_main]

mod mode;

use ftpsim::proto::mode::TransmissionMode;

libfuzzer_sys::fuzz_target!(|input: &[u8]| mode::check(TransmissionMode::Compressed, input));
