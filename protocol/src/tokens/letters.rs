//! Which pairs of Latin letters seldom stand inside one token: a word that has many of them is no word of a language.

/// For each first letter, the second letters (bit 0 is `a`) behind which o200k begins a new token in more than three
/// words of ten. Counted over the words of half of the transcripts that the estimate was fitted to.
#[rustfmt::skip]
const BREAKS: [u32; 32] = [
    0x0000_4010,
    0x02e1_94ac,
    0x00e1_0262,
    0x0261_b6c4,
    0x0210_0200,
    0x0261_96c2,
    0x02e1_862d,
    0x02e3_b6ec,
    0x0041_0100,
    0x03e3_9de6,
    0x02a9_10a6,
    0x02d1_12c0,
    0x03e3_06a4,
    0x03c3_0202,
    0x0201_0000,
    0x0261_06a2,
    0x03e4_f6ff,
    0x02c1_8282,
    0x0281_020a,
    0x0221_064a,
    0x0011_0000,
    0x02f5_a6ae,
    0x0231_8c64,
    0x0277_6ec8,
    0x03f1_06e0,
    0x00a7_9a66,
    0,
    0,
    0,
    0,
    0,
    0,
];

/// 1 if a word tends to break between two ASCII letters of either case, 0 if not.
#[inline]
pub(super) fn breaks(first: u8, second: u8) -> u64 {
    let seconds = BREAKS[usize::from(first.wrapping_sub(b'A') & 31)];
    u64::from(seconds >> (second.wrapping_sub(b'A') & 31) & 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_words_hold_and_others_break_in_either_case() {
        for (word, expected) in
            [("the", 0), ("THE", 0), ("session", 0), ("qz", 1), ("QZ", 1), ("xkvj", 3)]
        {
            let found: u64 = word.as_bytes().windows(2).map(|pair| breaks(pair[0], pair[1])).sum();
            assert_eq!(found, expected, "{word}");
        }
    }
}
