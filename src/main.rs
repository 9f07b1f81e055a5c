//! The `starlift` program; all it does is in the library.

/// Where threads hand batches on to each other, jemalloc holds a third less memory than mimalloc and a
/// fifth less than glibc, at the speed of the faster one. `.cargo/config.toml` has its settings.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    starlift::cli::main()
}
