//! Local files: names, links, permissions and URLs.

use super::*;

#[test]
fn odd_names_are_read_and_written_unchanged() {
    let workspace = sample();
    transform(&workspace, &["data/songs.json"], "data/logs.json", "plain").exits(0);
    for odd in
        ["a b", "100%", "a%41b", "é", "x#y", "#1", "a+b", "k=v", "a&b;c", "%2F", "日本", "~'\""]
    {
        let (songs, logs) = (format!("in {odd}/{odd}.json"), format!("in {odd}/l/{odd}.json"));
        workspace.write(&songs, workspace.read("data/songs.json"));
        workspace.write(&logs, workspace.read("data/logs.json"));
        let (folder, star) = (format!("in {odd}/l"), format!("star {odd}/{odd}"));
        transform(&workspace, &[&songs], &folder, &star).exits(0);
        assert_same_star(&workspace, "plain", &star);
        workspace.run(["check", "--star", &star]).exits(0);
        let inputs =
            ["query", "--star", &star, "--format", "ndjson", "--sql", "SELECT url FROM inputs"];
        let outcome = workspace.run(inputs);
        let urls: Vec<serde_json::Value> = outcome
            .exits(0)
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let wanted = [&logs, &songs].map(|file| workspace.join(file).to_str().unwrap().to_owned());
        assert_eq!(urls.len(), 2, "{outcome}");
        assert!(wanted.iter().all(|w| urls.iter().any(|url| url["url"] == **w)), "{outcome}");
    }
}

#[test]
fn manifest_of_a_local_star_has_urls_for_odd_names() {
    let workspace = with_songs(&["a.json"]);
    transform(&workspace, &["songs"], "logs", "st%41r é#1").exits(0);
    let manifest = workspace.read("st%41r é#1/songs.manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let url = url::Url::parse(manifest["entries"][0]["url"].as_str().unwrap()).unwrap();
    assert_eq!(url.scheme(), "file");
    let length = url.to_file_path().unwrap().metadata().unwrap().len();
    assert_eq!(manifest["entries"][0]["meta"]["content_length"], length);
}

#[cfg(target_os = "linux")]
#[test]
fn unreadable_file_fails_the_run_and_is_named() {
    let workspace = with_songs(&["a.json"]);
    // Permissions do not stop a test that runs as root, but no process can read address 0.
    let unreadable = workspace.join("songs/unreadable.json");
    std::os::unix::fs::symlink("/proc/self/mem", &unreadable).unwrap();
    let outcome = transform(&workspace, &["songs"], "logs", "star");
    outcome.exits(1).complains(unreadable.to_str().unwrap());
    assert!(!workspace.join("star/_starlift.json").exists(), "{outcome}");
}

#[cfg(unix)]
#[test]
fn dangling_link_fails_the_run_and_is_named() {
    let workspace = with_songs(&["a.json"]);
    let dangling = workspace.join("songs/dangling.json");
    std::os::unix::fs::symlink(workspace.join("nowhere.json"), &dangling).unwrap();
    for songs in ["songs", "songs/*.json"] {
        let outcome = transform(&workspace, &[songs], "logs", "star");
        outcome.exits(1).complains(dangling.to_str().unwrap());
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    let workspace = with_songs(&["a.json"]);
    workspace.write("elsewhere/b.json", SONG);
    for (name, target) in [("b.json", "elsewhere/b.json"), ("folder", "elsewhere")] {
        let link = workspace.join("songs").join(name);
        std::os::unix::fs::symlink(workspace.join(target), link).unwrap();
    }
    assert_eq!(
        listed(&workspace, &["songs"]),
        ["songs/a.json", "songs/b.json", "songs/folder/b.json"]
    );
}

#[test]
fn folder_named_like_a_file_is_a_folder() {
    let workspace = with_songs(&["a.json", "folder.json/b.json"]);
    let all = ["songs/a.json", "songs/folder.json/b.json"];
    assert_eq!(listed(&workspace, &["songs"]), all);
    assert_eq!(listed(&workspace, &["songs/folder.json"]), [all[1]]);
}

#[test]
fn file_urls_are_local_paths() {
    let workspace = with_songs(&["a 1.json", "a%2.json", "é/c.json"]);
    let url = |name: &str| format!("file://{}/songs/{name}", workspace.path().display());
    for (typed, wanted) in [
        ("a%201.json", vec!["a 1.json"]),
        ("a%252.json", vec!["a%2.json"]),
        ("%C3%A9", vec!["é/c.json"]),
        ("*.json", vec!["a 1.json", "a%2.json"]),
        ("{a%201,x}.json", vec!["a 1.json"]),
        ("a%20?.json", vec!["a 1.json"]),
        ("", vec!["a 1.json", "a%2.json", "é/c.json"]),
    ] {
        let wanted: Vec<String> = wanted.iter().map(|name| format!("songs/{name}")).collect();
        assert_eq!(listed(&workspace, &[&url(typed)]), wanted, "{typed}");
    }
    let star = format!("file://{}/st%20ar", workspace.path().display());
    transform(&workspace, &[&url("")], "logs", &star).exits(0);
    assert!(workspace.join("st ar/_starlift.json").exists());
    workspace.run(["check", "--star", &star]).exits(0);
}
