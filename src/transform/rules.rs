//! The options that change the results of the star queries.

use super::functions::RepairEncoding;
use crate::error::{Error, Result};
use crate::star::Queries;

/// The condition under which a play matches a song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatchRule {
    /// Artist and title must be equal.
    #[default]
    TitleArtist,
    /// Artist, title and duration must be equal.
    TitleArtistDuration,
}

/// The treatment of plays that match no song.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unmatched {
    /// Keep them, with nulls for `song_id` and `artist_id`.
    #[default]
    Keep,
    /// Leave them out of `songplays`.
    Drop,
}

impl MatchRule {
    /// Returns the value of the query parameter `$match`.
    pub fn as_str(self) -> &'static str {
        match self {
            MatchRule::TitleArtist => "title-artist",
            MatchRule::TitleArtistDuration => "title-artist-duration",
        }
    }
}

impl Unmatched {
    /// Returns the value of the query parameter `$unmatched`.
    pub fn as_str(self) -> &'static str {
        match self {
            Unmatched::Keep => "keep",
            Unmatched::Drop => "drop",
        }
    }
}

/// The options that change the results of the star queries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// Condition for a match, the query parameter `$match`.
    pub match_rule: MatchRule,
    /// Treatment of plays without a match, the query parameter `$unmatched`.
    pub unmatched: Unmatched,
    /// Treatment of text that was encoded to UTF-8 twice.
    pub repair_encoding: RepairEncoding,
}

impl Rules {
    /// Fails if an option has no effect, because no query has its parameter or calls its function.
    pub(super) fn ensure_used(self, queries: &Queries) -> Result<()> {
        let defaults = Rules::default();
        let options = [
            ("--match", "$match", self.match_rule != defaults.match_rule),
            ("--unmatched", "$unmatched", self.unmatched != defaults.unmatched),
            ("--repair-encoding match", "match_key", self.repair_encoding == RepairEncoding::Match),
        ];
        let is_used = |word: &str| queries.all().iter().any(|query| query.mentions(word));
        match options.iter().find(|(_, word, is_set)| *is_set && !is_used(word)) {
            None => Ok(()),
            Some((option, word, _)) => Err(Error::Usage(format!(
                "{option} has no effect, because no query of the model {} contains {word}; leave it out",
                queries.model().name
            ))),
        }
    }
}
