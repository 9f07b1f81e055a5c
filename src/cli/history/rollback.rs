//! Restores an earlier star.

use indicatif::HumanCount;

use crate::cli::args::RollbackArgs;
use crate::cli::error::Result;
use crate::cli::json::{Report, RollbackResult};
use crate::cli::output::print;
use crate::cli::settings::{GlobalOptions, Settings};
use crate::cli::signals::{interrupted, unless_interrupted};
use crate::error::Error;
use crate::escape;
use crate::history::{Restored, find_restorable, restore};

/// Restores the star of a run, or checks that this is possible.
///
/// # Errors
///
/// Returns an error if there is no star, the run is unknown or its files are not kept, a file is missing, or the star
/// cannot be published.
pub async fn run(args: &RollbackArgs, settings: &Settings, global: &GlobalOptions) -> Result<()> {
    let out = global.place(settings.require_star(args.star.as_deref())?).await?;
    if args.dry_run {
        let found = unless_interrupted(find_restorable(&out, &args.run), Error::Stopped).await?;
        let result = RollbackResult::new(&found, out.to_string());
        global.results.set(Report::Rollback(Some(result)));
        return print(&would_restore(&found));
    }
    let lock = settings.lock(args.lock);
    let restored = restore(out.clone(), &args.run, lock, interrupted()).await?;
    let result = RollbackResult::new(&restored, out.to_string());
    global.results.set(Report::Rollback(Some(result)));
    if global.quiet {
        return Ok(());
    }
    print(&described(&restored, &out.to_string()))
}

fn would_restore(found: &Restored) -> String {
    if found.is_current() {
        return in_place(found);
    }
    let (earlier, replaced) = (escape::line(&found.earlier), escape::line(&found.replaced));
    format!(
        "would restore the star of run {earlier} in place of that of run {replaced}{}; all of its files exist\n",
        changes(found)
    )
}

fn described(restored: &Restored, out: &str) -> String {
    let Some(record) = &restored.record else { return in_place(restored) };
    let (earlier, replaced) = (escape::line(&restored.earlier), escape::line(&restored.replaced));
    format!(
        "restored  the star of run {earlier} in place of that of run {replaced}{}\n\
         star      {out} (run {})\n\
         The next transform builds the star from the objects again. `starlift rollback {replaced}` undoes this.\n",
        changes(restored),
        escape::line(&record.run_id)
    )
}

fn in_place(found: &Restored) -> String {
    let run = escape::line(&found.earlier);
    format!("the star of run {run} is in place already; nothing was changed\n")
}

fn changes(found: &Restored) -> String {
    match found.changed_partitions {
        None => String::new(),
        Some(1) => ": 1 partition differs".to_owned(),
        Some(count) => format!(": {} partitions differ", HumanCount(count)),
    }
}
