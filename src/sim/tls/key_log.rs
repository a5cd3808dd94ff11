//! The secrets of a run's connections, so that its capture can be read.

use rustls::KeyLog;
use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};

/// Lines of an NSS key log (`label client_random secret`, the latter two in hexadecimal: `SSLKEYLOGFILE`, RFC
/// 9850), in the order in which they were said. One of the two sides is enough: both know what decrypts.
#[derive(Default)]
pub struct KeyLines {
    text: Mutex<String>,
}

impl KeyLines {
    /// All lines so far, each with its line feed.
    pub fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl KeyLog for KeyLines {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(label);
        for bytes in [client_random, secret] {
            text.push(' ');
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
        }
        text.push('\n');
    }
}

impl fmt::Debug for KeyLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLines").finish_non_exhaustive()
    }
}
