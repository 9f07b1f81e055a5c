//! `starlift model infer`.

use std::path::Path;

use super::super::args::ModelInferArgs;
use super::super::output::{note, print};
use super::super::settings::{GlobalOptions, Settings};
use super::super::signals::unless_interrupted;
use super::super::summary::counted;
use super::{ensure_absent, write};
use crate::cli::error::Result;
use crate::infer::{Draft, Input, SampleOptions, infer};
use crate::model::Model;

/// Drafts a model from samples, writes it, and prints what was read and drafted.
///
/// # Errors
///
/// Returns an error if the folder already contains a model, the objects cannot be read, or a file
/// cannot be written.
pub async fn run(args: &ModelInferArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    // Reading can take long: fail before it.
    ensure_absent(&args.folder, ["model.toml", "model.schema.json"])?;
    let inputs = inputs(args, global).await?;
    let options = SampleOptions {
        objects: args.sample,
        listing: settings.listing(),
        ..SampleOptions::default()
    };
    let name = name_of(&args.folder);
    let drafted = infer(&name, inputs, &options);
    let draft = unless_interrupted(drafted, crate::error::Error::Stopped).await?;
    write(&args.folder, &draft.files)?;
    // Fails only if the draft breaks a rule of models, which would be a bug in starlift.
    Model::read_dir(&args.folder)?;
    if global.quiet {
        return Ok(());
    }
    for input in &draft.inputs {
        for line in input.sampled.broken_lines() {
            note(&format!("{line}\n"));
        }
    }
    print(&summary(&draft, &args.folder))
}

/// Returns the inputs, one per dataset in the order of their first mention.
async fn inputs(args: &ModelInferArgs, global: &GlobalOptions) -> Result<Vec<Input>> {
    let mut inputs: Vec<Input> = Vec::new();
    for named in &args.inputs {
        let place = global.place(&named.url).await?;
        match inputs.iter_mut().find(|input| input.name.eq_ignore_ascii_case(&named.name)) {
            Some(input) => input.places.push(place),
            None => inputs.push(Input { name: named.name.clone(), places: vec![place] }),
        }
    }
    Ok(inputs)
}

/// Returns the name of a model: that of its folder.
fn name_of(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
}

fn summary(draft: &Draft, folder: &Path) -> String {
    let shown = folder.display();
    let mut text = String::new();
    for input in &draft.inputs {
        text += &format!("{}: {}\n", input.name, input.sampled.describe());
        for dataset in &input.datasets {
            text += &format!(
                "  dataset {}: {}, {}; table {}, primary key ({})\n",
                dataset.name,
                counted(dataset.rows, "row"),
                counted(dataset.columns as u64, "column"),
                dataset.table,
                dataset.key,
            );
            if dataset.notes > 0 {
                let remarks = counted(dataset.notes as u64, "remark");
                text += &format!("    {remarks} on values without a column, in model.toml\n");
            }
        }
    }
    text + &format!(
        "wrote {} to {shown}\n\nNext:\n  read the comments in {} and correct the draft\n  \
         starlift model check {shown}\n",
        counted(draft.files.len() as u64, "file"),
        folder.join("model.toml").display(),
    )
}
