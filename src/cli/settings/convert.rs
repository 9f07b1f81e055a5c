//! Conversions of option values into the types of the library.

use crate::cli::args::{
    LockArg, MatchArg, PartitionArg, RemovedArg, RepairArg, SuffixArg, UnmatchedArg,
};
use crate::incremental::Removed;
use crate::publish::LockMode;
use crate::star::Partitioning;
use crate::storage::Suffix;
use crate::transform::{MatchRule, RepairEncoding, Unmatched};

impl From<MatchArg> for MatchRule {
    fn from(arg: MatchArg) -> MatchRule {
        match arg {
            MatchArg::TitleArtist => MatchRule::TitleArtist,
            MatchArg::TitleArtistDuration => MatchRule::TitleArtistDuration,
        }
    }
}

impl From<LockArg> for LockMode {
    fn from(arg: LockArg) -> LockMode {
        match arg {
            LockArg::On => LockMode::On,
            LockArg::Off => LockMode::Off,
        }
    }
}

impl From<RepairArg> for RepairEncoding {
    fn from(arg: RepairArg) -> RepairEncoding {
        match arg {
            RepairArg::Off => RepairEncoding::Off,
            RepairArg::Match => RepairEncoding::Match,
            RepairArg::Store => RepairEncoding::Store,
        }
    }
}

impl From<PartitionArg> for Partitioning {
    fn from(arg: PartitionArg) -> Partitioning {
        match arg {
            PartitionArg::None => Partitioning::None,
            PartitionArg::Day => Partitioning::Day,
            PartitionArg::Month => Partitioning::Month,
        }
    }
}

impl From<RemovedArg> for Removed {
    fn from(arg: RemovedArg) -> Removed {
        match arg {
            RemovedArg::Stop => Removed::Stop,
            RemovedArg::Drop => Removed::Drop,
            RemovedArg::Keep => Removed::Keep,
        }
    }
}

impl From<SuffixArg> for Suffix {
    fn from(arg: SuffixArg) -> Suffix {
        match arg {
            SuffixArg::Json => Suffix::Json,
            SuffixArg::Any => Suffix::Any,
        }
    }
}

impl From<UnmatchedArg> for Unmatched {
    fn from(arg: UnmatchedArg) -> Unmatched {
        match arg {
            UnmatchedArg::Keep => Unmatched::Keep,
            UnmatchedArg::Drop => Unmatched::Drop,
        }
    }
}
