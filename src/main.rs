//! starlift
fn main() {}
