//! Planted bugs: realistic defects that a test switches on for one run, to show that the oracles
//! of `sim` find them. In a release build the switch is constantly off, and its places vanish.

/// Whether this build can run with a planted bug.
pub const POSSIBLE: bool = cfg!(all(feature = "mutants", debug_assertions));

/// Each is asked for at the one place where an implementation would have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Mutant {
    /// The receiver takes a close for the end of file in every mode.
    CloseIsEndOfFile,
    /// The receiver takes a reset for the end of file.
    ResetIsEndOfFile,
    /// The client takes any final reply to a transfer for success, 426 among them.
    AnyReplyIsSuccess,
    /// The sender leaves out what is left after the last full piece.
    LastPieceDropped,
    /// The client keeps a data connection that the server no longer has, and tries it again.
    HalfDeadReused,
    /// The server publishes what has come when a transfer fails.
    PartialPublished,
    /// The client asks for SIZE and compares it with nothing.
    SizeUnchecked,
    /// The client asks for HASH and compares it with nothing.
    HashUnchecked,
    /// The receiver drops 0xFF inside blocks, as if it were Telnet's IAC.
    IacStripped,
    /// A filler string for a run of 64 holds 63.
    RunOf64,
    /// Block mode's count has 15 bits at the sender.
    CountOf15Bits,
    /// An empty file has no block, so no end-of-file mark either.
    EmptyFileUnmarked,
    /// A silent data connection is waited for without end.
    NoDataTimeout,
    /// What has been read of the next file is thrown away after each file.
    ReadAheadDropped,
    /// STOR goes on behind what a failed upload of the name has left.
    RetryAppends,
    /// The client takes a pipelined reply for that of the next command.
    RepliesOneOff,
    /// The server says that the transfer is complete before it has begun.
    CompletionFirst,
    /// The server's session waits on after the control connection has closed.
    SessionNeverEnds,
    /// The server forgets to close a passive listener that has served.
    ListenerForgotten,
    /// The client leaves an upload under its temporary name and calls it delivered.
    RenameForgotten,
    /// An upload is written under its final name as it comes.
    WrittenInPlace,
    /// The server answers a finished transfer twice.
    CompletionTwice,
    /// A durable store answers a publication without a sync.
    SyncForgotten,
    /// A durable store gives a file its name, for good, before its data are synced.
    RenamedBeforeSync,
    /// A durable store syncs the data of a file, and not the directory that has its name.
    DirectoryNotSynced,
    /// The client goes on with a file that has changed since its last attempt, and compares nothing.
    SourceChangeUnseen,
    /// The client's REST counts what stands under the name, whosever it is, not what its upload has left.
    ResumedOntoVisible,
    /// The store lets any user go on from what a failed upload has left.
    OthersPartJoined,
    /// The client goes on from what an upload of the name has left, and does not ask whether it is of its
    /// file.
    PartBelieved,
    /// A restart marker names the place one byte before.
    MarkerOneOff,
    /// The store empties the old file when an upload begins.
    OldFileEmptied,
    /// Two uploads of one name share a temporary file.
    UploadsInterleave,
    /// An append puts back what it found, whatever was stored meanwhile.
    AppendLosesOther,
    /// The client forgets its listener when the server refuses a transfer of active mode.
    ActiveListenerKept,
    /// TYPE A doubles the CR of a line that ends with CR LF already.
    CarriageReturnDoubled,
    /// The client sends a file again under another name, and leaves the first.
    RetryUnderOtherName,
    /// When a pipeline breaks, the client sends all of its files again, those that have been answered, too.
    AnsweredSentAgain,
    /// A data connection is taken from whatever address it comes.
    StrangerAccepted,
    /// In clear the first who comes to a data port is served, though two have come, and the sender whose connection
    /// is reset believes the reply.
    ContestIgnored,
    /// What a data connection that was refused has left of its TLS session can be resumed by the next one.
    StrangerRemembered,
    /// Under TLS a FIN ends a file of stream mode without close_notify.
    UnmarkedEndTaken,
    /// A client that takes a FIN under TLS does not ask for the size, which alone could tell whether it is the end.
    LaxEndUnasked,
    /// What a client says in clear behind AUTH is heard once TLS is up.
    ClearCommandsKept,
    /// Data connections in clear are granted where they have to be protected.
    ClearDataGranted,
    /// In deflate mode the end of the connection is the end of the file.
    CutDeflateTaken,
    /// The Adler-32 of a zlib stream is compared with nothing.
    AdlerUnchecked,
    /// What follows the end of a zlib stream is thrown away.
    BehindDeflateIgnored,
    /// The server says twice that a transfer begins.
    PreliminaryTwice,
    /// The server lists no more than so many names, and says that the listing is complete.
    ListingLimited,
    /// The client takes what has come of a listing for all of it, whatever became of its connection and its reply.
    ListingUnanswered,
    /// Lines of a listing that the client does not understand are dropped without a word.
    UnreadLinesDropped,
    /// The server says twice that it refuses a command, or that a transfer has failed.
    RefusalTwice,
    /// Who connects and does not log in keeps its seat, and others out, until its time is up.
    SeatsKept,
}

impl Mutant {
    pub const ALL: [Mutant; 53] = [
        Mutant::CloseIsEndOfFile,
        Mutant::ResetIsEndOfFile,
        Mutant::AnyReplyIsSuccess,
        Mutant::LastPieceDropped,
        Mutant::HalfDeadReused,
        Mutant::PartialPublished,
        Mutant::SizeUnchecked,
        Mutant::HashUnchecked,
        Mutant::IacStripped,
        Mutant::RunOf64,
        Mutant::CountOf15Bits,
        Mutant::EmptyFileUnmarked,
        Mutant::NoDataTimeout,
        Mutant::ReadAheadDropped,
        Mutant::RetryAppends,
        Mutant::RepliesOneOff,
        Mutant::CompletionFirst,
        Mutant::SessionNeverEnds,
        Mutant::ListenerForgotten,
        Mutant::RenameForgotten,
        Mutant::WrittenInPlace,
        Mutant::CompletionTwice,
        Mutant::SyncForgotten,
        Mutant::RenamedBeforeSync,
        Mutant::DirectoryNotSynced,
        Mutant::SourceChangeUnseen,
        Mutant::ResumedOntoVisible,
        Mutant::OthersPartJoined,
        Mutant::PartBelieved,
        Mutant::MarkerOneOff,
        Mutant::OldFileEmptied,
        Mutant::UploadsInterleave,
        Mutant::AppendLosesOther,
        Mutant::ActiveListenerKept,
        Mutant::CarriageReturnDoubled,
        Mutant::RetryUnderOtherName,
        Mutant::AnsweredSentAgain,
        Mutant::StrangerAccepted,
        Mutant::ContestIgnored,
        Mutant::StrangerRemembered,
        Mutant::UnmarkedEndTaken,
        Mutant::LaxEndUnasked,
        Mutant::ClearCommandsKept,
        Mutant::ClearDataGranted,
        Mutant::CutDeflateTaken,
        Mutant::AdlerUnchecked,
        Mutant::BehindDeflateIgnored,
        Mutant::PreliminaryTwice,
        Mutant::ListingLimited,
        Mutant::ListingUnanswered,
        Mutant::UnreadLinesDropped,
        Mutant::RefusalTwice,
        Mutant::SeatsKept,
    ];
}

/// Whether this thread's run has `bug`.
#[cfg(all(feature = "mutants", debug_assertions))]
pub fn is(bug: Mutant) -> bool {
    switch::PLANTED.get() == Some(bug)
}

/// Whether this thread's run has `bug`: in a release build none has.
#[cfg(not(all(feature = "mutants", debug_assertions)))]
#[inline(always)]
pub const fn is(_bug: Mutant) -> bool {
    false
}

/// Plants `bug` in what this thread does, until the value is dropped.
#[must_use]
pub fn plant(bug: Option<Mutant>) -> Planted {
    #[cfg(all(feature = "mutants", debug_assertions))]
    switch::PLANTED.set(bug);
    let _ = bug;
    Planted(())
}

/// See [`plant`].
pub struct Planted(());

impl Drop for Planted {
    fn drop(&mut self) {
        #[cfg(all(feature = "mutants", debug_assertions))]
        switch::PLANTED.set(None);
    }
}

#[cfg(all(feature = "mutants", debug_assertions))]
mod switch {
    use super::Mutant;
    use std::cell::Cell;

    thread_local! {
        pub static PLANTED: Cell<Option<Mutant>> = const { Cell::new(None) };
    }
}

#[cfg(all(test, feature = "mutants"))]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_planted_in_one_thread_until_it_is_dropped() {
        assert!(!is(Mutant::RunOf64));
        {
            let _planted = plant(Some(Mutant::RunOf64));
            assert!(is(Mutant::RunOf64) && !is(Mutant::SizeUnchecked));
            assert!(!std::thread::spawn(|| is(Mutant::RunOf64)).join().unwrap());
        }
        assert!(!is(Mutant::RunOf64));
    }
}
