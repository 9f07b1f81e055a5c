//! `starlift man`.

use std::process::Command;

use crate::support::{Workspace, files};

#[test]
fn every_command_has_a_page_without_warnings() {
    let here = Workspace::new();
    here.run(["man", "share/man1"]).exits(0).says(" to share/man1\n");
    let pages = files(&here.join("share/man1"));
    let help = here.run(["--help"]).exits(0).stdout.clone();
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    for name in &commands {
        assert!(pages.contains(&format!("starlift-{name}.1")), "{name}: {pages:?}");
    }
    assert!(pages.contains(&"starlift.1".to_owned()));
    assert!(pages.contains(&"starlift-model-infer.1".to_owned()), "{pages:?}");
    let transform = here.read("share/man1/starlift-transform.1");
    assert!(transform.contains("metrics\\-file"), "{transform}");
    for page in &pages {
        let path = here.join("share/man1").join(page);
        let Ok(shown) = Command::new("man")
            .args(["--warnings", "-E", "UTF-8", "-l"])
            .arg(&path)
            .env("MANWIDTH", "100")
            .output()
        else {
            return eprintln!("skipped: there is no man here");
        };
        let said = String::from_utf8_lossy(&shown.stderr);
        assert!(shown.status.success() && said.is_empty(), "{page}: {said}");
    }
    // A second call replaces the pages.
    let again = here.run(["man", "share/man1", "--quiet"]);
    assert_eq!(again.exits(0).stdout, "");
    here.write("file", "");
    here.run(["man", "file/below"]).exits(1).complains("cannot write file/below");
}
