//! Files into zlib streams.

use super::DeflateLevel;
use crate::mode::{End, Output, Structure, stream};
use flate2::{Compress, Compression, FlushCompress, Status};

/// Compressed bytes are handed on so many at a time, at most.
const WIRE_BYTES: usize = 16 * 1024;

/// So much payload may vanish in the compressor without a wire byte. Zeros would leave it silent for
/// megabytes, and a receiver waits for a slow sender only so long. A flush costs five bytes; so much
/// payload without a wire byte has made some hundred.
const MAX_HELD_BYTES: usize = 256 * 1024;

/// One file on its way out.
#[derive(Debug)]
pub(in crate::mode) struct Encoder {
    compress: Compress,
    /// [`WIRE_BYTES`].
    wire: Box<[u8]>,
    /// Payload taken since the last wire byte.
    held_bytes: usize,
}

impl Encoder {
    pub(in crate::mode) fn new(level: DeflateLevel) -> Self {
        let compress = Compress::new(Compression::new(level.into()), true);
        Self { compress, wire: vec![0; WIRE_BYTES].into(), held_bytes: 0 }
    }

    /// With `end.file` the stream is at its end, and so is the encoder.
    pub(in crate::mode) fn encode<'p>(
        &mut self,
        piece: &'p [u8],
        end: End,
        structure: Structure,
        out: &mut impl Output<'p>,
    ) {
        let before = self.compress.total_out();
        match structure {
            Structure::File => self.feed(piece, FlushCompress::None, out),
            Structure::Record => stream::encode(piece, end, &mut Inner { encoder: self, out }),
        }
        if end.file {
            return self.feed(&[], FlushCompress::Finish, out);
        }
        self.held_bytes += piece.len();
        if self.compress.total_out() > before {
            self.held_bytes = 0;
        } else if self.held_bytes >= MAX_HELD_BYTES {
            self.feed(&[], FlushCompress::Sync, out);
            self.held_bytes = 0;
        }
    }

    fn feed<'p>(&mut self, mut bytes: &[u8], flush: FlushCompress, out: &mut impl Output<'p>) {
        loop {
            let (taken, made) = (self.compress.total_in(), self.compress.total_out());
            let status = self.compress.compress(bytes, &mut self.wire, flush);
            let status = status.expect("a stream that has not ended takes anything");
            let taken = (self.compress.total_in() - taken) as usize;
            let made = (self.compress.total_out() - made) as usize;
            bytes = &bytes[taken..];
            if made > 0 {
                out.framing(&self.wire[..made]);
            }
            let is_done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                // With room left over, nothing waits in the compressor that it would give now.
                _ => bytes.is_empty() && made < WIRE_BYTES,
            };
            if is_done {
                return;
            }
        }
    }
}

/// Where stream mode's codec puts its wire bytes: into the compressor.
struct Inner<'e, 'o, O> {
    encoder: &'e mut Encoder,
    out: &'o mut O,
}

impl<'p, O: Output<'p>> Output<'p> for Inner<'_, '_, O> {
    fn framing(&mut self, bytes: &[u8]) {
        self.encoder.feed(bytes, FlushCompress::None, self.out);
    }
    fn payload(&mut self, bytes: &'p [u8]) {
        self.encoder.feed(bytes, FlushCompress::None, self.out);
    }
}
