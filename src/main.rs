//! The `ftpsim` program; everything is in the library's `cli`.

fn main() -> std::process::ExitCode {
    take_large_buffers_as_pages();
    ftpsim::cli::main()
}

/// From the system, as pages that cost nothing until they are written, and back to it. glibc would serve them from its heap
/// once the first of them was freed, and fill them with zeros from end to end: a grid of large windows, of which
/// connections use a part, then took 975 MB instead of 157, and 85 now.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn take_large_buffers_as_pages() {
    const LARGE_BYTES: libc::c_int = 1 << 19;
    // SAFETY: it sets a number, and no other thread runs yet.
    #[allow(unsafe_code, reason = "there is no safe way to say it")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn take_large_buffers_as_pages() {}
