#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ftpsim_fuzz::check("tls_session", input));
