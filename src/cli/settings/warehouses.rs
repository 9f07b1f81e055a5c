//! Which warehouse is meant, and what the file says of it.

use super::{DEFAULT_FILE, GlobalOptions, Settings};
use crate::cli::args::WarehouseArgs;
use crate::cli::warehouse::{NamedRedshift, WarehouseOptions, WarehouseSettings};
use crate::error::{Error, Result};
use crate::storage::StoreOptions;
use crate::warehouse::target::without_password;

impl Settings {
    /// The warehouse that is meant where none is named: `redshift`, or the only one.
    pub fn usual_warehouse(&self, args: &WarehouseArgs) -> Option<String> {
        // A table that names nothing yet, as `init` writes it, means nothing.
        let mut named = self.warehouse.iter().filter(|(_, warehouse)| warehouse.is_named());
        let is_redshift = self.warehouse.get("redshift").is_some_and(|known| known.is_named());
        if is_redshift || args.cluster.is_some() || self.cloud.redshift().is_some() {
            return Some("redshift".to_owned());
        }
        match (named.next(), named.next()) {
            (Some((only, _)), None) => Some(only.clone()),
            _ => None,
        }
    }

    /// What is said of a warehouse before it is looked for; `redshift` is the cluster or workgroup
    /// that is named, where the file says nothing else of it.
    fn warehouse_settings(&self, named: &str, args: &WarehouseArgs) -> Result<WarehouseSettings> {
        if named.contains("://") {
            return Ok(WarehouseSettings::of_url(named));
        }
        let typed = args.cluster.clone().map(NamedRedshift::Cluster);
        let own = || self.cloud.redshift();
        let redshift = typed.or_else(own).filter(|_| named == "redshift");
        match (self.warehouse.get(named), redshift) {
            (Some(found), Some(redshift)) => Ok(found.clone().or_named(redshift)),
            (Some(found), None) => Ok(found.clone()),
            (None, Some(redshift)) => Ok(WarehouseSettings::default().or_named(redshift)),
            (None, None) => Err(self.unknown_warehouse(named)),
        }
    }

    /// The cluster that a warehouse is, and the role in which it is to read, as far as they are named.
    ///
    /// # Errors
    ///
    /// If there is no such warehouse, or its URL cannot be understood.
    pub fn redshift_of(
        &self,
        named: &str,
        args: &WarehouseArgs,
    ) -> Result<(Option<NamedRedshift>, Option<String>)> {
        self.warehouse_settings(named, args)?.redshift_and_role(args)
    }

    /// Whether a warehouse is a Redshift, as far as can be told.
    pub fn is_redshift(&self, named: &str, args: &WarehouseArgs) -> bool {
        self.warehouse_settings(named, args).is_ok_and(|settings| settings.is_redshift())
    }

    /// The warehouse that is named, by URL or by its name in the file; `redshift` is the cluster that
    /// is named, where the file says nothing else of it.
    ///
    /// # Errors
    ///
    /// If the file has no such name, or the warehouse cannot be understood or found.
    pub async fn warehouse(
        &self,
        named: &str,
        args: &WarehouseArgs,
        stores: &StoreOptions,
    ) -> Result<WarehouseOptions> {
        let settings = self.warehouse_settings(named, args)?;
        WarehouseOptions::new(settings, args, stores).await
    }

    /// The warehouse that is to be asked in place of files, if one is named.
    ///
    /// # Errors
    ///
    /// As [`Settings::warehouse`].
    pub async fn asked(
        &self,
        named: Option<&str>,
        args: &WarehouseArgs,
        global: &GlobalOptions,
    ) -> Result<Option<WarehouseOptions>> {
        match named {
            Some(named) => self.warehouse(named, args, &global.stores).await.map(Some),
            None => Ok(None),
        }
    }

    fn unknown_warehouse(&self, named: &str) -> Error {
        let known: Vec<&str> = self.warehouse.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let named = without_password(named);
        Error::Usage(format!(
            "{named:?} is neither the URL of a warehouse nor one that {DEFAULT_FILE} names in \
             [warehouse.NAME]; it names {known}"
        ))
    }
}
