//! Estimates of the cost of a cluster.

use std::time::Duration;

/// The source and date of the prices.
pub const SOURCE: &str = "on-demand prices of US regions, published between 2026-03 and 2026-10; see \
                          https://aws.amazon.com/redshift/pricing/ for current prices";

/// Dollars per node and hour. Prices in other regions are up to twice as high.
///
/// Sources: for ra3.large and ra3.16xlarge, price tables in public repositories that cite Amazon's
/// pricing page in 2026-03; for the rest a public study of 2026-10.
const PRICES: [(&str, f64); 7] = [
    ("ra3.large", 0.543),
    ("ra3.xlplus", 1.086),
    ("ra3.4xlarge", 3.26),
    ("ra3.16xlarge", 13.04),
    ("rg.large", 0.3801),
    ("rg.xlarge", 0.7602),
    ("rg.4xlarge", 3.0427),
];

/// Dollars per RPU-hour of Redshift Serverless. AWS bills by the second, with a minimum of 60 seconds. Prices
/// in other regions are higher.
///
/// Source: AWS Big Data Blog, Amazon Redshift Serverless at 4 RPUs: $1.50 per hour for 4 RPUs. Public
/// repositories of 2026 state the same price for US East.
pub const RPU_HOUR: f64 = 0.375;

/// Dollars per GB of managed storage and month.
pub const STORAGE_GB_MONTH: f64 = 0.024;

/// Hours per month, as AWS counts them.
const MONTH_HOURS: f64 = 730.0;

/// Hours of thirty nights from 7 p.m. to 9 a.m., in which a cluster was left running.
const NIGHTS_HOURS: f64 = 30.0 * 14.0;

/// The cost of a cluster's nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Dollars per hour.
    pub hour: f64,
}

impl Cost {
    /// Returns the cost of `nodes` of a type, or `None` if its price is unknown.
    pub fn of(node_type: &str, nodes: u32) -> Option<Cost> {
        let (_, price) = PRICES.iter().find(|(name, _)| *name == node_type)?;
        Some(Cost { hour: price * f64::from(nodes) })
    }

    /// Returns the dollars for a month of nights in which the cluster was left running.
    pub fn unattended_nights(self) -> f64 {
        self.hour * NIGHTS_HOURS
    }

    /// Returns the dollars for a whole month.
    pub fn month(self) -> f64 {
        self.hour * MONTH_HOURS
    }

    /// Returns the dollars for a duration.
    pub fn over(self, time: Duration) -> f64 {
        self.hour * time.as_secs_f64() / 3600.0
    }
}
