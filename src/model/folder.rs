//! Reads the folder of a model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use toml::de::DeTable;
use xxhash_rust::xxh3::Xxh3;

use super::problem::{Problems, nearest, one_of};
use super::report::{Report, join};
use super::{Model, built_in, keys, read, shape, validate};

/// Name of the file that declares a model.
pub(super) const FILE: &str = "model.toml";

/// The purpose of an SQL file: its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Builds a table that several other queries read.
    Intermediate,
    /// Builds a table of the star from the staging tables.
    Star,
    /// Counts the records of a run by their outcome.
    Accounting,
    /// Counts values that the tables of the star do not have, and keeps the rows with the largest counts.
    List,
    /// Returns the rows that violate an invariant of the star.
    Check,
    /// Answers a question from the star.
    Analytics,
    /// Figures of the report on a star.
    Report,
}

/// An SQL file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlFile {
    /// Purpose of the query.
    pub group: Group,
    /// File name without `.sql`.
    pub name: String,
    /// SQL text, including the header comment.
    pub sql: Arc<str>,
}

/// An error in a model folder.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The folder or one of its files cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Path of the folder or file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The model is not valid.
    #[error(transparent)]
    Invalid(#[from] Problems),
}

/// The texts of the files of a model.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Path of the folder, as messages show it.
    folder: String,
    toml: String,
    sql: BTreeMap<(Group, String), String>,
    /// SQL files in folders without a meaning.
    stray: Vec<String>,
    /// Files that are not UTF-8, with the line of the first byte that is not.
    not_text: Vec<(String, usize)>,
}

impl Group {
    /// All groups.
    pub const ALL: [Group; 7] = [
        Group::Intermediate,
        Group::Star,
        Group::Accounting,
        Group::List,
        Group::Check,
        Group::Analytics,
        Group::Report,
    ];

    /// Returns the name of the folder of the queries.
    pub fn folder(self) -> &'static str {
        match self {
            Group::Intermediate => "intermediate",
            Group::Star => "star",
            Group::Accounting => "accounting",
            Group::List => "lists",
            Group::Check => "checks",
            Group::Analytics => "analytics",
            Group::Report => "report",
        }
    }
}

impl SqlFile {
    /// Returns the path of the file relative to the folder of the model, such as `star/users.sql`.
    pub fn file(&self) -> String {
        format!("{}/{}.sql", self.group.folder(), self.name)
    }
}

impl Model {
    /// Returns the model that is compiled in. A unit test checks that it is valid.
    pub fn built_in() -> Arc<Model> {
        static MODEL: LazyLock<Arc<Model>> =
            LazyLock::new(|| Arc::new(model(built_in::files()).unwrap_or_default()));
        MODEL.clone()
    }

    /// Reads and validates the model in `folder`.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder or a file cannot be read, or with all problems of the model.
    pub fn read_dir(folder: &Path) -> Result<Model, ModelError> {
        Ok(model(Files::read(folder)?)?)
    }

    /// Parses and validates the text of a `model.toml` without SQL files. `file` is the path that
    /// problems name. The model has no hash.
    ///
    /// # Errors
    ///
    /// Returns all problems of the text.
    pub fn parse(file: &str, text: &str) -> Result<Model, Problems> {
        let mut report = Report::new(file);
        let model = declared(&mut report, text);
        match Problems::new(report.into_problems()) {
            Some(problems) => Err(problems),
            None => Ok(model),
        }
    }
}

/// Parses a `model.toml`, and reports its problems.
fn declared(report: &mut Report, text: &str) -> Model {
    let Some(document) = report.parse(text) else { return Model::default() };
    shape::check_section(report, "", &document, &keys::MODEL);
    let model = Model {
        name: shape::text(&document, "name").unwrap_or_default().to_owned(),
        datasets: read::datasets(report, &document),
        tables: read::tables(&document),
        order: order(&document),
        ..Model::default()
    };
    validate::validate(report, &model);
    model
}

fn order(document: &DeTable<'_>) -> Vec<(Group, Vec<String>)> {
    let Some(queries) = shape::section(document, "queries") else { return Vec::new() };
    let lists = Group::ALL.into_iter().filter_map(|group| {
        Some((group, shape::texts(queries, group.folder()).filter(|list| !list.is_empty())?))
    });
    lists.collect()
}

/// Returns the model of `files`, or all of their problems.
pub(super) fn model(files: Files) -> Result<Model, Problems> {
    let path = format!("{}/{FILE}", files.folder);
    let mut report = Report::new(&path);
    let hash = files.hash();
    let is_text = files.not_text.iter().all(|(file, _)| *file != path);
    let mut model = if is_text { declared(&mut report, &files.toml) } else { Model::default() };
    if !model.tables.is_empty() {
        files.check(&mut report, &model);
    }
    for (file, line) in &files.not_text {
        report.add_of_file(file.clone(), *line, "the text is not UTF-8", "save it as UTF-8");
    }
    if let Some(problems) = Problems::new(report.into_problems()) {
        return Err(problems);
    }
    model.sql = files.into_sql(&model);
    model.hash = hash;
    Ok(model)
}

impl Files {
    pub fn new(
        folder: String,
        toml: String,
        sql: impl Iterator<Item = (Group, String, String)>,
    ) -> Files {
        let sql = sql.map(|(group, name, sql)| ((group, name), sql)).collect();
        Files { folder, toml, sql, ..Files::default() }
    }

    fn read(folder: &Path) -> Result<Files, ModelError> {
        let mut files = Files { folder: folder.display().to_string(), ..Files::default() };
        files.toml = files.text(&folder.join(FILE))?.unwrap_or_default();
        for entry in entries(folder)? {
            if entry.is_dir() {
                files.read_group(&entry)?;
            } else if sql_name(&entry).is_some() {
                files.stray.push(entry.display().to_string());
            }
        }
        Ok(files)
    }

    fn read_group(&mut self, folder: &Path) -> Result<(), ModelError> {
        let name = folder.file_name().and_then(|name| name.to_str());
        let group = Group::ALL.into_iter().find(|group| Some(group.folder()) == name);
        for file in entries(folder)? {
            match (sql_name(&file), group) {
                (Some(name), Some(group)) => {
                    let sql = self.text(&file)?.unwrap_or_default();
                    self.sql.insert((group, name), sql);
                }
                (Some(_), None) => self.stray.push(file.display().to_string()),
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Reads a file. Returns `None` if it is not UTF-8.
    fn text(&mut self, path: &Path) -> Result<Option<String>, ModelError> {
        let failed = |source| ModelError::Read { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(failed)?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
                self.not_text.push((path.display().to_string(), line));
                Ok(None)
            }
        }
    }

    fn path(&self, group: Group, name: &str) -> String {
        format!("{}/{}/{name}.sql", self.folder, group.folder())
    }

    /// Reports SQL files that the model lacks, and those without a place in it.
    fn check(&self, report: &mut Report, model: &Model) {
        for table in &model.tables {
            if !self.sql.contains_key(&(Group::Star, table.name.clone())) {
                let reason = format!("the table has no query star/{}.sql", table.name);
                let remedy = format!("write {}", self.path(Group::Star, &table.name));
                report.add(&join("tables", &table.name), reason, remedy);
            }
        }
        let tables: Vec<&str> = model.tables.iter().map(|table| table.name.as_str()).collect();
        for (group, name) in self.sql.keys() {
            let file = self.path(*group, name);
            match group {
                Group::Star if !tables.contains(&name.as_str()) => {
                    let reason = format!("the model declares no table {name:?}");
                    let remedy = match nearest(name, &tables) {
                        Some(near) => format!("did you mean {near:?}? Else declare the table"),
                        None => format!("declare [tables.{name}], or remove the file"),
                    };
                    report.add_of_file(file, 1, reason, remedy);
                }
                Group::Intermediate | Group::List if is_table(model, name) => {
                    let reason = format!("the model declares a table {name:?} as well");
                    report.add_of_file(file, 1, reason, "rename the file");
                }
                Group::List if self.sql.contains_key(&(Group::Intermediate, name.clone())) => {
                    let reason =
                        format!("intermediate/{name}.sql defines a table {name:?} as well");
                    report.add_of_file(file, 1, reason, "rename one of the two");
                }
                Group::Intermediate | Group::List => {
                    if let Some(fault) = validate::fault(name, use_of(*group)) {
                        report.add_of_file(file, 1, fault.reason, fault.remedy);
                    }
                }
                _ => {}
            }
        }
        self.check_order(report, model);
        for file in &self.stray {
            let folders = Group::ALL.map(Group::folder).join(", ");
            let remedy = format!("move it to one of the folders {folders}");
            report.add_of_file(file.clone(), 1, "no folder of queries contains the file", remedy);
        }
    }

    /// Reports listed queries that do not exist.
    fn check_order(&self, report: &mut Report, model: &Model) {
        for (group, listed) in &model.order {
            let generated =
                if *group == Group::Check { model.generated_checks() } else { Vec::new() };
            let generated = generated.iter().map(|check| check.name.as_str());
            let names: Vec<&str> = self.names(*group).chain(generated).collect();
            for (i, name) in listed.iter().enumerate() {
                let at = format!("{}[{i}]", join("queries", group.folder()));
                if !names.contains(&name.as_str()) {
                    let reason = format!("there is no file {}", self.path(*group, name));
                    report.add(&at, reason, one_of(name, &names));
                } else if listed[..i].contains(name) {
                    report.add(&at, format!("{name:?} is repeated"), "remove one of the two");
                }
            }
        }
    }

    fn names(&self, group: Group) -> impl Iterator<Item = &str> {
        self.sql.keys().filter(move |(of, _)| *of == group).map(|(_, name)| name.as_str())
    }

    /// Returns the hash of the paths and contents of the files, sorted by path.
    fn hash(&self) -> String {
        let sql = self.sql.iter();
        let sql = sql.map(|((group, name), sql)| (format!("{}/{name}.sql", group.folder()), sql));
        let mut all: Vec<(String, &String)> = sql.collect();
        all.push((FILE.to_owned(), &self.toml));
        all.sort();
        let mut hasher = Xxh3::new();
        for part in all.iter().flat_map(|(path, text)| [path, *text]) {
            // The lengths keep a path apart from a text.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        format!("{:032x}", hasher.digest128())
    }

    fn into_sql(mut self, model: &Model) -> Vec<SqlFile> {
        let mut ordered = Vec::new();
        let star = (Group::Star, model.tables.iter().map(|table| table.name.clone()).collect());
        for (group, names) in model.order.iter().chain([&star]) {
            for name in names {
                if let Some(sql) = self.sql.remove(&(*group, name.clone())) {
                    ordered.push(((*group, name.clone()), sql));
                }
            }
        }
        ordered.extend(self.sql);
        ordered.sort_by_key(|((group, _), _)| *group);
        let file = |((group, name), sql): ((Group, String), String)| SqlFile {
            group,
            name,
            sql: Arc::from(sql),
        };
        ordered.into_iter().map(file).collect()
    }
}

/// Returns `true` if a table of the star or a staging table is called `name`.
fn is_table(model: &Model, name: &str) -> bool {
    let staging = model.datasets.iter().map(|dataset| dataset.table.as_str());
    let mut all = model.tables.iter().map(|table| table.name.as_str()).chain(staging);
    all.any(|table| table.eq_ignore_ascii_case(name))
}

/// Returns the use of the name of a query that defines a table.
fn use_of(group: Group) -> validate::Use {
    match group {
        // The name is that of a folder and of a table of the star.
        Group::List => validate::Use::Table,
        _ => validate::Use::StagingTable,
    }
}

fn sql_name(path: &Path) -> Option<String> {
    let is_sql = path.extension().is_some_and(|extension| extension == "sql");
    let name = path.file_stem().filter(|_| is_sql)?;
    Some(name.to_string_lossy().into_owned())
}

/// Returns the sorted paths of the entries of a folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let failed = |source| ModelError::Read { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}
