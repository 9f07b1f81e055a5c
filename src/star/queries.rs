//! The SQL queries of a run: those of the model, of which files of the same name in the user's folder
//! replace some.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};
use crate::model::{Model, NameUse, is_allowed};

pub use crate::model::Group;

/// A named SQL query.
#[derive(Debug, Clone)]
pub struct Query {
    /// File name without `.sql`.
    pub name: String,
    /// Purpose of the query.
    pub group: Group,
    /// SQL text, including the header comment.
    pub sql: String,
}

/// A model and the queries of a run: those of the model, replaced and added.
#[derive(Debug, Clone)]
pub struct Queries {
    model: Arc<Model>,
    all: Vec<Query>,
}

impl Default for Queries {
    fn default() -> Self {
        Queries::built_in()
    }
}

impl Queries {
    /// Returns the queries of the model that is compiled in.
    pub fn built_in() -> Queries {
        Queries::of_model(Model::built_in())
    }

    /// Returns the queries of a model, including the checks that follow from its tables.
    pub fn of_model(model: Arc<Model>) -> Queries {
        // Messages list the queries of the tables first.
        let groups = [Group::Star].into_iter();
        let others = Group::ALL.into_iter();
        let groups = groups
            .chain(others.filter(|group| !matches!(group, Group::Star | Group::Check)))
            .flat_map(|group| model.sql_of(group));
        let files = groups.map(|file| Query {
            name: file.name.clone(),
            group: file.group,
            sql: file.sql.to_string(),
        });
        let checks = model.checks().into_iter();
        let checks =
            checks.map(|check| Query { name: check.name, group: Group::Check, sql: check.sql });
        let all = files.chain(checks).collect();
        Queries { model, all }
    }

    /// Returns the model whose queries these are.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Returns a hash of the names and the SQL of the checks: XXH3-128 in hexadecimal.
    pub(crate) fn checks_hash(&self) -> String {
        let mut hasher = Xxh3::new();
        for check in self.of(Group::Check) {
            hasher.update(format!("{}\0{}\0", check.name, check.sql).as_bytes());
        }
        format!("{:032x}", hasher.digest128())
    }

    /// Returns these queries, with replacements and additions from `folder`.
    ///
    /// A file in `folder` or in its subfolders `intermediate`, `star`, `checks`, `accounting`, `lists`,
    /// `analytics` and `report` replaces the query of the same name. A file in `intermediate`, `lists`,
    /// `analytics`, `report` or `checks` with another name is added.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be read, or if it contains an SQL file that neither replaces a
    /// query nor can be added.
    pub fn with_folder(mut self, folder: &Path) -> Result<Queries> {
        let subfolders = Group::ALL.map(|group| (group.folder(), Some(group)));
        for (subfolder, group) in [("", None)].into_iter().chain(subfolders) {
            let folder = if group.is_none() { folder.to_owned() } else { folder.join(subfolder) };
            if group.is_none() || folder.is_dir() {
                for (name, sql) in sql_files(&folder)? {
                    self.replace(&folder, name, sql, group)?;
                }
            }
        }
        Ok(self)
    }

    fn replace(
        &mut self,
        folder: &Path,
        name: String,
        sql: String,
        group: Option<Group>,
    ) -> Result<()> {
        let same = |q: &&mut Query| q.name == name && group.is_none_or(|group| group == q.group);
        if let Some(query) = self.all.iter_mut().find(same) {
            query.sql = sql;
            return Ok(());
        }
        let used = match group {
            Some(Group::Intermediate) => Some(NameUse::StagingTable),
            Some(Group::List) => Some(NameUse::Table),
            _ => None,
        };
        if used.is_some_and(|used| !is_allowed(&name, used) || self.has_table(&name)) {
            return Err(Error::Usage(format!(
                "{}/{name}.sql defines a table {name:?}, a name that a table cannot have; rename the file",
                folder.display()
            )));
        }
        match group {
            Some(
                group @ (Group::Intermediate
                | Group::List
                | Group::Check
                | Group::Analytics
                | Group::Report),
            ) => {
                self.all.push(Query { name, group, sql });
                Ok(())
            }
            _ => Err(Error::Usage(format!(
                "{}/{name}.sql replaces no query of the model; its queries are {}",
                folder.display(),
                self.names(group).join(", "),
            ))),
        }
    }

    /// Returns `true` if queries can read a table called `name`.
    fn has_table(&self, name: &str) -> bool {
        let staging = self.model.datasets.iter().map(|dataset| dataset.table.as_str());
        let defined = [Group::Star, Group::Intermediate, Group::List].into_iter();
        let defined = defined.flat_map(|group| self.of(group)).map(|query| query.name.as_str());
        staging.chain(defined).any(|table| table.eq_ignore_ascii_case(name))
    }

    /// Keeps only the checks of these names, unless there are none.
    pub(crate) fn keep_checks(&mut self, names: &[String]) {
        if !names.is_empty() {
            self.all.retain(|query| query.group != Group::Check || names.contains(&query.name));
        }
    }

    fn names(&self, group: Option<Group>) -> Vec<&str> {
        let names = self.all.iter().filter(|q| group.is_none_or(|group| group == q.group));
        names.map(|q| q.name.as_str()).collect()
    }

    /// Returns the queries of all groups.
    pub fn all(&self) -> &[Query] {
        &self.all
    }

    /// Returns the queries of a group: those of the model in its order, then the added ones.
    pub fn of(&self, group: Group) -> impl Iterator<Item = &Query> {
        self.all.iter().filter(move |query| query.group == group)
    }

    /// Returns the query called `name` in a group.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not exist. The message lists the names in the group.
    pub fn get(&self, group: Group, name: &str) -> Result<&Query> {
        self.of(group).find(|query| query.name == name).ok_or_else(|| {
            let (one, many) = match group {
                Group::Check => ("check", "checks"),
                _ => ("query", "queries"),
            };
            let names = self.names(Some(group)).join(", ");
            Error::Usage(format!("there is no {one} {name:?}; the {many} are {names}"))
        })
    }
}

impl Query {
    /// Returns the path of its file relative to the folder of queries, such as `star/users.sql`.
    pub fn file(&self) -> String {
        format!("{}/{}.sql", self.group.folder(), self.name)
    }

    /// Returns the comment at the top of the file, without the `--` markers.
    pub fn header(&self) -> String {
        let lines = self.sql.lines().map_while(|line| line.strip_prefix("--"));
        lines.map(str::trim).collect::<Vec<_>>().join("\n")
    }

    /// Returns `true` if the SQL contains `text`, in any case, outside of lines of comment.
    pub fn mentions(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let mut sql = self.sql.lines().filter(|line| !line.trim_start().starts_with("--"));
        sql.any(|line| line.to_ascii_lowercase().contains(&text))
    }

    /// Returns `true` if the query defines a view: the queries that read it run it, and its rows are not stored. Only
    /// queries of intermediate tables can be views.
    pub fn is_view(&self) -> bool {
        self.header_entry("View").is_some()
    }

    /// Returns the value of a labelled entry of the header, such as `Question`, with its lines joined.
    pub fn header_entry(&self, label: &str) -> Option<String> {
        let header = self.header();
        let mut lines = header.lines().skip_while(|line| !line.starts_with(&format!("{label}:")));
        let first = lines.next()?.split_once(':')?.1.trim().to_owned();
        let labelled = |line: &&str| {
            line.split_once(':').is_some_and(|(word, _)| !word.is_empty() && !word.contains(' '))
        };
        let rest = lines.take_while(|line| !line.is_empty() && !labelled(line));
        Some(rest.fold(first, |text, line| text + " " + line).trim().to_owned())
    }
}

fn sql_files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let failed = |e| Error::io(format!("cannot read the queries in {}", folder.display()), e);
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(name), Some("sql")) = (name, path.extension().and_then(|e| e.to_str())) {
            files.insert(name.to_owned(), std::fs::read_to_string(&path).map_err(failed)?);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_compiled_in_and_begins_with_a_comment() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let queries = Queries::built_in();
        let mut found = 0;
        for folder in
            ["intermediate", "star", "accounting", "lists", "checks", "analytics", "report"]
        {
            for (name, sql) in sql_files(&root.join(folder)).unwrap() {
                let query = queries.all.iter().find(|q| q.sql == sql);
                let query = query.unwrap_or_else(|| panic!("{folder}/{name}.sql is an orphan"));
                assert!(!query.header().is_empty(), "{name} has no header");
                found += 1;
            }
        }
        let generated = queries.model().generated_checks().len();
        assert_eq!(found + generated, queries.all.len());
    }

    #[test]
    fn analytics_queries_declare_question_grain_and_units() {
        let queries = Queries::built_in();
        for query in queries.of(Group::Analytics).chain(queries.of(Group::Report)) {
            for label in ["Question", "Grain", "Units"] {
                let entry = query.header_entry(label);
                assert!(entry.is_some_and(|e| !e.is_empty()), "{}: no {label}", query.name);
            }
        }
    }

    #[test]
    fn an_intermediate_table_needs_a_name_that_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let intermediate = folder.path().join("intermediate");
        std::fs::create_dir(&intermediate).unwrap();
        std::fs::write(intermediate.join("more.sql"), "SELECT 1 AS a").unwrap();
        let queries = Queries::built_in().with_folder(folder.path()).unwrap();
        assert!(queries.get(Group::Intermediate, "more").is_ok());
        std::fs::write(intermediate.join("run.sql"), "SELECT 1 AS a").unwrap();
        let error = Queries::built_in().with_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("run.sql defines a table \"run\""), "{error}");
    }

    #[test]
    fn files_replace_queries_by_name_and_others_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("users.sql"), "SELECT 1").unwrap();
        let queries = Queries::built_in().with_folder(folder.path()).unwrap();
        assert_eq!(queries.get(Group::Star, "users").unwrap().sql, "SELECT 1");
        std::fs::write(folder.path().join("usres.sql"), "SELECT 1").unwrap();
        let error = Queries::built_in().with_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("usres.sql") && error.contains("users"), "{error}");
    }
}
