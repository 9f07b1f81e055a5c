//! The AWS stand-in: its additions to moto and the requests it rejects, tested over HTTP.

mod caller;
mod clusters;
mod create;
mod faults;
mod groups;
mod identity;
mod roles;
mod schedules;
mod sdk;
mod simulate;
