//! The `ftpsim` program; everything is in the library's `cli`.

fn main() -> std::process::ExitCode {
    ftpsim::cli::main()
}
