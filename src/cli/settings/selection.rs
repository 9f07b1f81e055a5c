//! Selects the model and the warehouse of a command.

use std::path::PathBuf;
use std::sync::Arc;

use super::warehouse::{NamedRedshift, WarehouseOptions, WarehouseSettings};
use super::{DEFAULT_FILE, GlobalOptions, Settings};
use crate::cli::args::{ModelArgs, WarehouseArgs};
use crate::cli::error::{Error, Result};
use crate::cli::suggest;
use crate::model::Model;
use crate::storage::StoreOptions;
use crate::warehouse::connection::target::without_password;

impl Settings {
    /// Returns the names of the warehouses in the file, and `redshift` if `[cloud]` has a name.
    pub fn warehouse_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.warehouse.keys().cloned().collect();
        if self.cloud.redshift().is_some() && !names.iter().any(|name| name == "redshift") {
            names.push("redshift".to_owned());
        }
        names
    }

    /// Returns the folder of the user's own queries in the file.
    pub fn queries(&self) -> Option<&PathBuf> {
        self.queries.as_ref()
    }

    /// Reads the model.
    ///
    /// # Errors
    ///
    /// Returns an error if its folder cannot be read, or with all problems of the model.
    pub fn model(&self, args: &ModelArgs) -> Result<Arc<Model>> {
        match args.model.as_ref().or(self.model.as_ref()) {
            Some(folder) => Ok(Arc::new(Model::read_dir(folder)?)),
            None => Ok(Model::built_in()),
        }
    }

    /// Returns the default warehouse: `redshift` if it is configured or a cluster is specified, else the
    /// only configured one.
    pub fn default_warehouse(&self, args: &WarehouseArgs) -> Option<String> {
        // Ignore a table without URL, cluster and workgroup, as `init` writes it.
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

    /// Returns the settings of a warehouse, without a lookup in AWS. `redshift` uses the specified
    /// cluster or workgroup if the file contains no URL, cluster or workgroup for it.
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

    /// Returns the cluster or workgroup of a warehouse, and the role that reads the star, each if it is
    /// specified.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such warehouse, or its URL is invalid.
    pub fn redshift_of(
        &self,
        named: &str,
        args: &WarehouseArgs,
    ) -> Result<(Option<NamedRedshift>, Option<String>)> {
        self.warehouse_settings(named, args)?.redshift_and_role(args)
    }

    /// Returns `true` if a warehouse is configured and its settings do not name another kind than
    /// Redshift.
    pub fn is_redshift(&self, named: &str, args: &WarehouseArgs) -> bool {
        self.warehouse_settings(named, args).is_ok_and(|settings| settings.is_redshift())
    }

    /// Resolves a warehouse, given by URL or by its name in the file. `redshift` uses the specified
    /// cluster if the file contains no URL, cluster or workgroup for it.
    ///
    /// # Errors
    ///
    /// Returns an error if the file does not contain the name, or the settings are invalid, or the
    /// cluster or workgroup is not found.
    pub async fn warehouse(
        &self,
        named: &str,
        args: &WarehouseArgs,
        stores: &StoreOptions,
    ) -> Result<WarehouseOptions> {
        let settings = self.warehouse_settings(named, args)?;
        WarehouseOptions::new(settings, args, stores).await
    }

    /// Resolves the warehouse to query instead of the files, if one is specified.
    ///
    /// # Errors
    ///
    /// Returns an error under the conditions of [`Settings::warehouse`].
    pub async fn optional_warehouse(
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
        let error = Error::Usage(format!(
            "{named:?} is neither the URL of a warehouse nor the name of one in {DEFAULT_FILE}; [warehouse.NAME] defines {known}"
        ));
        suggest::among(error, &named, self.warehouse.keys().map(String::as_str))
    }
}
