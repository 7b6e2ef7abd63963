//! A short stable hash of a text, for names of folders, files and processes.

/// Eight hexadecimal digits, the same on every machine and build (FNV-1a, folded to 32 bits).
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_paths_have_equal_hashes_and_others_differ() {
        assert_eq!(short_hash(b"/a/b"), short_hash(b"/a/b"));
        assert_ne!(short_hash(b"/a/b"), short_hash(b"/a/c"));
        assert_eq!(short_hash(b"/a/b").len(), 8);
    }
}
