//! Blocks of block mode, made by hand (RFC 959 section 3.4.2).

/// A block with this descriptor.
pub(crate) fn block(descriptor: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![descriptor, (payload.len() >> 8) as u8, payload.len() as u8];
    out.extend_from_slice(payload);
    out
}

/// The descriptor of a file's last block.
pub(crate) const EOF: u8 = 64;
