//! What a cluster costs, as an estimate.

use std::time::Duration;

/// When and where the prices were read.
pub const SOURCE: &str = "on-demand prices of US regions as published figures gave them between \
                          2026-03 and 2026-10; https://aws.amazon.com/redshift/pricing/ has today's";

/// Dollars a node and hour. Other regions ask up to twice as much.
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

/// Dollars for an RPU-hour of Redshift Serverless; AWS counts seconds, and 60 of them at least. Other
/// regions ask more.
///
/// Source: AWS Big Data Blog, Amazon Redshift Serverless at 4 RPUs: $1.50 an hour for 4 RPUs. Public
/// repositories of 2026 give the same price for US East.
pub const RPU_HOUR: f64 = 0.375;

/// Dollars for a GB of managed storage and month.
pub const STORAGE_GB_MONTH: f64 = 0.024;

/// AWS counts a month as 730 hours.
const MONTH_HOURS: f64 = 730.0;

/// A cluster left running from seven in the evening to nine in the morning, thirty times.
const NIGHTS_HOURS: f64 = 30.0 * 14.0;

/// The cost of a cluster's nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Dollars an hour.
    pub hour: f64,
}

impl Cost {
    /// The cost of `nodes` of a type; `None` where its price is not known here.
    pub fn of(node_type: &str, nodes: u32) -> Option<Cost> {
        let (_, price) = PRICES.iter().find(|(name, _)| *name == node_type)?;
        Some(Cost { hour: price * f64::from(nodes) })
    }

    /// Dollars for a month of nights in which it was forgotten.
    pub fn forgotten_nights(self) -> f64 {
        self.hour * NIGHTS_HOURS
    }

    /// Dollars for a whole month.
    pub fn month(self) -> f64 {
        self.hour * MONTH_HOURS
    }

    /// Dollars for some time.
    pub fn over(self, time: Duration) -> f64 {
        self.hour * time.as_secs_f64() / 3600.0
    }
}
