//! starlift

pub mod decode;
pub mod error;
pub mod generate;
pub mod source;
pub mod stage;
pub mod star;
