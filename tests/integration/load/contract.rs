//! The COPY contract, checked from the command line.

use super::*;

#[test]
fn local_star_breaks_only_one_rule_and_is_not_loaded_into_redshift() {
    let here = with_star();
    let outcome = here.run(["check", "--copy-contract", "--star", "star"]);
    outcome
        .fails_with("copy-contract")
        .naming(&["1 finding"])
        .says("FAIL  manifest-location")
        .says("34 of 35 rules satisfied");
    let outcome = load(&here, "redshift://u@127.0.0.1:1/d", &[]);
    outcome.fails_with("copy-contract").says("manifest-location");
}

#[test]
fn changed_file_is_detected() {
    let here = with_star();
    let songs = crate::support::files(&here.join("star/songs"));
    let path = here.join("star/songs").join(&songs[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(b"more");
    std::fs::write(&path, bytes).unwrap();
    let outcome = here.run(["check", "--copy-contract", "--star", "star"]);
    outcome.fails_with("copy-contract").says("FAIL  manifest-content-length").says(&songs[0]);
}

#[test]
fn ddl_has_lengths_for_the_values_of_a_star() {
    let here = with_star();
    let plain = here.run(["schema", "--format", "redshift"]);
    plain.exits(0).says("\"title\" VARCHAR(256) NOT NULL");
    let sized = here.run(["schema", "--format", "redshift", "--star", "star", "--schema", "mart"]);
    sized.exits(0).says("CREATE TABLE \"mart\".\"songs\"").says("\"song_id\" VARCHAR(64) NOT NULL");
    let postgres = here.run(["schema", "--format", "postgres"]);
    postgres.exits(0).says("ALTER TABLE \"star\".\"songplays\" ADD PRIMARY KEY (\"songplay_id\");");
}
