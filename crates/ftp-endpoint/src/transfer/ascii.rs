//! TYPE A with STRU F (RFC 959 section 3.1.1.1) at the file's end: [`ftp_proto::repr`]'s rule for a
//! reader and a writer, so that a restart marker can stand in the middle of an end of line.

use crate::store::{ReadFile, StoreError, WriteFile};
use ftp_proto::mode::Structure;
use ftp_proto::mutant::{self, Mutant};
use ftp_proto::repr::{Conversion, Converted, Incoming, Outgoing, RecordForm, Representation};

/// Bytes read from the file at a time.
const PIECE_BYTES: usize = 32 * 1024;
const LINES: Conversion = Conversion {
    representation: Representation::Ascii,
    structure: Structure::File,
    record_form: RecordForm::Plain,
};

/// A file as TYPE A sends it.
pub struct AsciiReader<R> {
    inner: R,
    outgoing: Outgoing,
    /// Converted, of which what lies before `at` is handed on.
    converted: Converted,
    at: usize,
}

impl<R: ReadFile> AsciiReader<R> {
    /// From the file's beginning, or a marker of its.
    pub fn new(inner: R) -> Self {
        Self { inner, outgoing: Outgoing::new(LINES), converted: Converted::default(), at: 0 }
    }

    /// The file as it is stored.
    pub fn inner(&self) -> &R {
        &self.inner
    }

    /// Passes over so many bytes as they would be sent; how many there were.
    pub async fn skip(&mut self, bytes: u64) -> Result<u64, StoreError> {
        let mut skipped = 0;
        while skipped < bytes {
            if self.at == self.converted.bytes.len() {
                self.refill().await?;
                // It is a long way, on which others have their turn.
                tokio::task::yield_now().await;
            }
            let there = (self.converted.bytes.len() - self.at) as u64;
            if there == 0 {
                break;
            }
            let len = there.min(bytes - skipped);
            self.at += len as usize;
            skipped += len;
        }
        Ok(skipped)
    }

    async fn refill(&mut self) -> Result<(), StoreError> {
        let mut piece = vec![0; PIECE_BYTES.min(self.inner.remaining_bytes() as usize).max(1)];
        let read = self.inner.read(&mut piece).await?;
        self.converted.clear();
        self.at = 0;
        // Lines are lines, whatever is in them.
        let converted = self.outgoing.convert(&piece[..read], read == 0, &mut self.converted);
        converted.map_err(|error| StoreError::Io(std::io::Error::other(error)))?;
        if mutant::is(Mutant::CarriageReturnDoubled) {
            let sent = std::mem::take(&mut self.converted.bytes);
            let doubled = |byte: u8| if byte == b'\n' { vec![b'\r', byte] } else { vec![byte] };
            self.converted.bytes = sent.into_iter().flat_map(doubled).collect();
        }
        Ok(())
    }
}

impl<R: ReadFile> ReadFile for AsciiReader<R> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        if self.at == self.converted.bytes.len() {
            self.refill().await?;
        }
        let rest = &self.converted.bytes[self.at..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }

    /// At least so many: zero only at the end.
    fn remaining_bytes(&self) -> u64 {
        (self.converted.bytes.len() - self.at) as u64 + self.inner.remaining_bytes()
    }

    /// Only between two pieces.
    fn marker(&self) -> Option<String> {
        if self.at == self.converted.bytes.len() { self.inner.marker() } else { None }
    }
}

/// A file as TYPE A receives it.
pub struct AsciiWriter<W> {
    inner: W,
    incoming: Incoming,
    /// Converted bytes on their way; empty between two calls.
    converted: Vec<u8>,
}

/// In a marker: a CR has been received and is held back until it is known what follows.
pub const RETURN_SEEN: char = 'r';

impl<W: WriteFile> AsciiWriter<W> {
    /// At the beginning of a line, or anywhere but behind a CR held back.
    pub fn new(inner: W) -> Self {
        Self { inner, incoming: Incoming::new(LINES), converted: Vec::new() }
    }

    /// The file as it is stored.
    pub fn inner(&self) -> &W {
        &self.inner
    }

    /// What the file ends with if it ends here: a CR that is held back.
    pub fn held_back(&self) -> &'static [u8] {
        if self.incoming.holds_back() { b"\r" } else { b"" }
    }

    /// Goes on from a marker that [`RETURN_SEEN`] stood behind.
    pub fn after_return(inner: W) -> Self {
        let mut writer = Self::new(inner);
        writer.incoming.data(b"\r", &mut writer.converted);
        writer
    }
}

impl<W: WriteFile> WriteFile for AsciiWriter<W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.incoming.data(bytes, &mut self.converted);
        let written = self.inner.write(&self.converted).await;
        self.converted.clear();
        written
    }

    async fn publish(mut self) -> Result<(), StoreError> {
        self.incoming.end_of_file(&mut self.converted);
        if !self.converted.is_empty() {
            self.inner.write(&self.converted).await?;
        }
        self.inner.publish().await
    }

    /// With [`RETURN_SEEN`] behind it in the middle of an end of line (RFC 1123 section 4.1.3.4).
    fn marker(&self) -> Option<String> {
        let mut marker = self.inner.marker()?;
        if self.incoming.holds_back() {
            marker.push(RETURN_SEEN);
        }
        Some(marker)
    }

    async fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.inner.checkpoint().await
    }

    async fn keep(self) -> Result<(), StoreError> {
        self.inner.keep().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six bytes a piece, so that what is skipped ends within pieces and between them.
    struct Pieces(&'static [u8], usize);

    impl ReadFile for Pieces {
        async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
            let len = (self.0.len() - self.1).min(buffer.len()).min(6);
            buffer[..len].copy_from_slice(&self.0[self.1..self.1 + len]);
            self.1 += len;
            Ok(len)
        }

        fn remaining_bytes(&self) -> u64 {
            (self.0.len() - self.1) as u64
        }
    }

    #[derive(Default)]
    struct Checkpoints(u32);

    impl WriteFile for Checkpoints {
        async fn write(&mut self, _: &[u8]) -> Result<(), StoreError> {
            Ok(())
        }
        async fn publish(self) -> Result<(), StoreError> {
            Ok(())
        }
        async fn checkpoint(&mut self) -> Result<(), StoreError> {
            self.0 += 1;
            Ok(())
        }
    }

    const STORED: &[u8] = b"one\ntwo\r\nthree\n\nfour";
    const SENT: &[u8] = b"one\r\ntwo\r\r\nthree\r\n\r\nfour";

    async fn rest(reader: &mut AsciiReader<Pieces>) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), [0; 4]);
        loop {
            match reader.read(&mut buffer).await.unwrap() {
                0 => return all,
                read => all.extend_from_slice(&buffer[..read]),
            }
        }
    }

    #[tokio::test]
    async fn bytes_are_skipped_as_they_would_be_sent() {
        for first in 0..=SENT.len() {
            for second in [0, 1, 5, 100] {
                let mut reader = AsciiReader::new(Pieces(STORED, 0));
                assert_eq!(reader.skip(first as u64).await.unwrap(), first as u64);
                let there = second.min(SENT.len() - first);
                assert_eq!(reader.skip(second as u64).await.unwrap(), there as u64);
                assert_eq!(rest(&mut reader).await, &SENT[first + there..], "{first} {second}");
            }
        }
    }

    /// Zero at the end only, and never more than there is to come.
    #[tokio::test]
    async fn what_remains_is_never_less_than_known() {
        let mut reader = AsciiReader::new(Pieces(STORED, 0));
        let (mut sent, mut byte) = (0, [0]);
        loop {
            let remaining = reader.remaining_bytes();
            assert!(remaining <= (SENT.len() - sent) as u64, "{sent}");
            assert_eq!(remaining == 0, sent == SENT.len());
            if reader.read(&mut byte).await.unwrap() == 0 {
                return;
            }
            sent += 1;
        }
    }

    #[tokio::test]
    async fn a_checkpoint_is_one_of_the_file() {
        let mut writer = AsciiWriter::new(Checkpoints::default());
        writer.checkpoint().await.unwrap();
        assert_eq!(writer.inner().0, 1);
        // Who knows none has no markers.
        assert_eq!((writer.inner().marker(), Pieces(STORED, 0).marker()), (None, None));
    }

    /// A place in what is sent is one in the file where all that was read of it has been sent.
    #[tokio::test]
    async fn a_marker_stands_only_where_nothing_is_on_its_way() {
        struct Counted(Pieces);
        impl ReadFile for Counted {
            async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
                self.0.read(buffer).await
            }
            fn remaining_bytes(&self) -> u64 {
                self.0.remaining_bytes()
            }
            fn marker(&self) -> Option<String> {
                Some(self.0.1.to_string())
            }
        }
        let mut reader = AsciiReader::new(Counted(Pieces(STORED, 0)));
        assert_eq!(reader.marker().as_deref(), Some("0"));
        // The first six bytes are seven when they are sent.
        assert_eq!(reader.skip(3).await.unwrap(), 3);
        assert_eq!(reader.marker(), None);
        assert_eq!(reader.skip(4).await.unwrap(), 4);
        assert_eq!(reader.marker().as_deref(), Some("6"));
    }
}
