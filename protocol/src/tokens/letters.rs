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

/// The same by the low bits of an ASCII letter, which are 1 for `a` and `A`.
const BY_LETTER: [u32; 32] = {
    let mut table = [0; 32];
    let mut letter = 1;
    while letter < 32 {
        table[letter] = BREAKS[letter - 1] << 1;
        letter += 1;
    }
    table
};

/// 1 if a word tends to break between two ASCII letters of either case, 0 if not.
#[inline]
pub(super) fn breaks(first: u8, second: u8) -> u64 {
    u64::from(BY_LETTER[usize::from(first & 31)] >> (second & 31) & 1)
}

/// Looks at lowercase letters that some bytes begin with, eight at most: how many they are, and which of them a word tends
/// to break before, the lowest bit for the first. `last` stands before them. `None` when there are fewer bytes.
///
/// Where a word ends cannot be foretold: to look at eight letters costs less than to guess wrong behind each.
#[inline]
pub(super) fn run(last: u8, bytes: &[u8]) -> Option<(usize, u32)> {
    let eight: [u8; 8] = *bytes.first_chunk()?;
    let length = lowercase(eight);
    Some((length, breaks_within(last, eight) & ((1 << length) - 1)))
}

fn breaks_within(last: u8, letters: [u8; 8]) -> u32 {
    let mut first = last;
    let mut broken = 0;
    for (at, second) in letters.into_iter().enumerate() {
        broken |= (BY_LETTER[usize::from(first & 31)] >> (second & 31) & 1) << at;
        first = second;
    }
    broken
}

/// How many lowercase letters eight bytes begin with.
fn lowercase(bytes: [u8; 8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x80 * ONES;
    let bytes = u64::from_le_bytes(bytes);
    // Added to what is below the top bit, neither carries over into the next byte.
    let low = bytes & !TOPS;
    let from_a = low + (0x80 - u64::from(b'a')) * ONES;
    let behind_z = low + (0x80 - u64::from(b'z') - 1) * ONES;
    let others = (bytes | !from_a | behind_z) & TOPS;
    (others.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_where_its_letters_do_and_breaks_as_its_pairs_do() {
        for text in ["", "x", "qz", "qzx", "the", "xkvjqzw", "xkvjqzwp", "xkvjqzwpb"] {
            for behind in ["", "`", "{", "A", " qz", "\u{e1}", "0123456789", "\u{ff}{{{{{{{{{{"] {
                let text = format!("q{text}{behind}");
                let bytes = text.as_bytes();
                let letters = bytes[1..].iter().take_while(|byte| byte.is_ascii_lowercase());
                let all = letters.count();
                let (mut at, mut pairs) = (1, 0);
                while at <= all {
                    let one = || (1, u32::from(breaks(bytes[at - 1], bytes[at]) > 0));
                    let (length, broken) = run(bytes[at - 1], &bytes[at..]).unwrap_or_else(one);
                    pairs |= u64::from(broken) << at;
                    at += length;
                }
                let expected = (1..=all).map(|at| breaks(bytes[at - 1], bytes[at]) << at).sum();
                assert_eq!((at, pairs), (all + 1, expected), "{text:?}");
            }
        }
    }

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
