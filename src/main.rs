//! The `starlift` program. All of its code is in the library.

/// Because threads pass batches to each other, jemalloc uses a third less memory than mimalloc and a fifth
/// less than glibc, at the speed of the faster one. `.cargo/config.toml` contains its settings.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    starlift::cli::main()
}
