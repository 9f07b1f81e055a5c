//! The `starlift` program; all it does is in the library.

fn main() -> std::process::ExitCode {
    starlift::cli::main()
}
