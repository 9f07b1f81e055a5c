//! The manifests of the files that an update copies into Redshift. They are written below the star and removed
//! afterwards, also those that a killed load has left.

use chrono::{TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt};

use crate::model::is_plain;
use crate::storage::{Place, StorageError};

/// Folder of the manifests of loads, relative to the star.
const LOADS: &str = "_loads";

/// Age from which a manifest cannot belong to a running load, in days.
const MAX_AGE_DAYS: i64 = 7;

/// Length of the ID of a load.
const LOAD_ID_BYTES: usize = 16;

/// Returns the path of the manifest of a table, relative to the star.
pub(super) fn manifest_path(load_id: &str, table: &str) -> String {
    format!("{LOADS}/{load_id}-{table}.manifest")
}

/// Returns `true` if a load writes a manifest with this file name.
fn is_manifest(name: &str) -> bool {
    let Some((id, rest)) = name.split_at_checked(LOAD_ID_BYTES) else { return false };
    let table = rest.strip_prefix('-').and_then(|rest| rest.strip_suffix(".manifest"));
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    id.bytes().all(is_hex) && table.is_some_and(is_plain)
}

/// Removes the manifests of a load, and those that have been left for more than a week. Failures are only logged,
/// because they do not affect the rows.
pub(super) async fn remove_manifests(star: &Place, manifests: Vec<Place>) {
    for manifest in manifests {
        if let Err(error) = manifest.remove().await {
            tracing::warn!(%error, "a manifest of the load could not be removed");
        }
    }
    if let Err(error) = remove_old(star).await {
        tracing::debug!(%error, "manifests of earlier loads could not be removed");
    }
}

async fn remove_old(star: &Place) -> Result<(), StorageError> {
    let folder = star.child(LOADS);
    let failed = |error| StorageError::list(&folder.to_string(), error);
    let oldest = Utc::now() - TimeDelta::days(MAX_AGE_DAYS);
    let listed = star.store.list(Some(folder.path())).map_err(failed);
    let old = listed.try_filter_map(|found| async move {
        let name = found.location.filename().unwrap_or_default();
        let is_old = found.last_modified < oldest && is_manifest(name);
        Ok(is_old.then(|| format!("{LOADS}/{name}")))
    });
    let old: Vec<String> = old.boxed().try_collect().await?;
    for path in old {
        star.child(&path).remove().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_manifests_of_loads_are_removed() {
        let path = manifest_path("00112233aabbccdd", "songplays");
        assert!(is_manifest(path.strip_prefix("_loads/").unwrap()));
        for name in [
            "songplays.manifest",
            "00112233aabbccdg-songplays.manifest",
            "00112233AABBCCDD-songplays.manifest",
            "00112233aabbccdd-songplays.json",
            "00112233aabbccdd-song plays.manifest",
            "00112233aabbccdd.manifest",
            "é112233aabbccdd-songs.manifest",
        ] {
            assert!(!is_manifest(name), "{name}");
        }
    }

    #[tokio::test]
    async fn manifests_that_a_killed_load_has_left_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let location = crate::storage::Location::parse_single(folder.path().to_str().unwrap());
        let stores = crate::storage::Stores::new(crate::storage::StoreOptions::default());
        let star = stores.place(location.unwrap()).await.unwrap();
        let loads = folder.path().join(LOADS);
        std::fs::create_dir(&loads).unwrap();
        let week = std::time::Duration::from_secs(8 * 86_400);
        for (name, age) in [("0011223344556677-old.manifest", week), ("mine.txt", week)] {
            let file = std::fs::File::create(loads.join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - age).unwrap();
        }
        let own = star.child(&manifest_path("8899aabbccddeeff", "songs"));
        let running = star.child(&manifest_path("0123456789abcdef", "songs"));
        for place in [&own, &running] {
            place.write("{}").await.unwrap();
        }
        remove_manifests(&star, vec![own]).await;
        let mut left: Vec<_> =
            std::fs::read_dir(&loads).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["0123456789abcdef-songs.manifest", "mine.txt"]);
    }
}
