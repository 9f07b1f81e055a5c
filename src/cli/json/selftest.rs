//! Results of `selftest`.

use super::schema::document_structs;

document_structs! {
    /// Result of `starlift selftest`.
    @Default
    pub struct SelftestResult {
        /// Kind of the warehouse: `Redshift` or `PostgreSQL`.
        pub warehouse: String,
        /// Region of the warehouse; null if its host does not contain one.
        pub region: Option<String>,
        /// The scratch schema.
        pub schema: String,
        /// The steps, in the order in which they ran.
        pub steps: Vec<SelftestStep>,
    }

    /// A step of `starlift selftest`.
    pub struct SelftestStep {
        /// Name of the step.
        pub name: String,
        /// `true` if the step succeeded.
        pub succeeded: bool,
        /// Wall-clock time.
        pub seconds: f64,
        /// Description of the finding, or the error, without the names of the warehouse and the star.
        pub message: String,
    }
}
