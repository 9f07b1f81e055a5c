//! Reserved words, and the names of PostgreSQL's system columns.

/// Reserved words, which cannot be names unless quoted (Developer Guide, r_pg_keywords).
const RESERVED: &str = "
    aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup
    between binary blanksasnull both bytedict bzip2 case cast check collate column connect
    constraint create credentials cross current_date current_time current_timestamp current_user
    current_user_id default deferrable deflate defrag delta delta32k desc disable distinct do else
    emptyasnull enable encode encrypt encryption end except explicit false for foreign freeze from
    full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially
    inner intersect interval into is isnull join language leading left like limit localtime
    localtimestamp lun luns lzo lzop minus mostly16 mostly32 mostly8 natural new not notnull null
    nulls off offline offset oid old on only open or order outer overlaps parallel partition percent
    permissions pivot placing primary qualify raw readratio recover references rejectlog resort
    respect restore right select session_user similar snapshot some sysdate system table tag tdes
    text255 text32k then timestamp to top trailing true truncatecolumns union unique unnest unpivot
    user using verbose wallet when where with without";

const SYSTEM_COLUMNS: [&str; 7] = ["oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Reserved words that are expressions by themselves.
const VALUES: [&str; 4] = ["user", "current_user", "session_user", "sysdate"];

pub fn is_reserved(word: &str) -> bool {
    RESERVED.split_whitespace().any(|reserved| reserved == word)
}

/// Returns `true` if the word is reserved and is not an expression either.
pub fn is_no_column(word: &str) -> bool {
    is_reserved(word) && !VALUES.contains(&word)
}

pub fn is_system_column(name: &str) -> bool {
    SYSTEM_COLUMNS.contains(&name)
}
