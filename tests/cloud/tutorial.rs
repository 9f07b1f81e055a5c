//! tutorial

#[allow(unused_imports)]
use super::*;
