//! Access to a warehouse: its address, the login, and time limits.

use super::data_api::DataApiLogin;
use super::settings::Limits;
use crate::warehouse::connection::iam::IamLogin;
use crate::warehouse::connection::secret::Secret;
use crate::warehouse::connection::target::Target;

/// Parameters for opening sessions.
#[derive(Debug, Clone)]
pub struct Access {
    /// Address and options of the warehouse.
    pub target: Target,
    /// Method of logging in.
    pub login: Login,
    /// Time limits for statements and lock waits.
    pub limits: Limits,
}

/// Method of logging in.
#[derive(Debug, Clone)]
pub enum Login {
    /// With a password, or without one if the server trusts its users.
    Password(Option<Secret>),
    /// With a temporary password from AWS.
    Iam(Box<IamLogin>),
    /// Through the Redshift Data API, which handles the login itself.
    DataApi(Box<DataApiLogin>),
}
