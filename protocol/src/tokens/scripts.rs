//! What characters outside ASCII cost: by the first bytes of their UTF-8, which tell the script.

/// A character outside ASCII.
pub(super) struct Wide {
    /// Its length in bytes.
    pub(super) bytes: usize,
    /// What it costs, in hundredths of a token.
    pub(super) cents: u64,
    /// Whether the ASCII letters behind it go on with its token.
    pub(super) joins: Joins,
}

/// What a character does with the ASCII letters behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Joins {
    /// A word begins behind it.
    Nothing,
    /// An accented letter that often ends a token.
    Seldom,
    /// An accented letter within a token.
    Letters,
}

/// The character that begins with `lead`; `second` is its second byte, `again` whether it repeats the one before it, and
/// `spaced` whether a blank stands before it.
pub(super) fn wide(lead: u8, second: u8, again: bool, spaced: bool) -> Wide {
    let (bytes, cents, joins) = match lead {
        // Latin with accents: common ones of western Europe, rarer ones.
        0xc3 => (2, 68, Joins::Seldom),
        0xc6 => (2, 20, Joins::Letters),
        0xc4..=0xc9 => (2, 95, Joins::Seldom),
        0x80..=0xc2 => (2, 100, Joins::Nothing),
        0xca..=0xcd => (2, 60, Joins::Nothing),
        // Greek, Cyrillic, Armenian and Hebrew, Arabic and its neighbours: words of some letters each.
        0xce..=0xcf => (2, 29, Joins::Nothing),
        0xd0..=0xd3 => (2, 17, Joins::Nothing),
        0xd4..=0xd7 => (2, 26, Joins::Nothing),
        0xd8..=0xdf => (2, 16, Joins::Nothing),
        // Scripts of India; Thai and Lao, which write no blanks.
        0xe0 if second < 0xb8 => (3, 18, Joins::Nothing),
        0xe0 => (3, 38, Joins::Nothing),
        // Vietnamese; other scripts.
        0xe1 if second >= 0xb8 => (3, 5, Joins::Letters),
        0xe1 => (3, 50, Joins::Nothing),
        0xe2 => (3, sign(second, again, spaced), Joins::Nothing),
        // Signs of Chinese and Japanese, kana, ideographs, Hangul.
        0xe3 if second == 0x80 => (3, if again { 10 } else { 95 }, Joins::Nothing),
        0xe3 => (3, 75, Joins::Nothing),
        0xe4..=0xe9 => (3, ideograph(lead, second), Joins::Nothing),
        0xea..=0xed => (3, 45, Joins::Nothing),
        // Private use, such as the icons of terminal fonts: a token for each byte.
        0xee => (3, 300, Joins::Nothing),
        0xef => (3, 95, Joins::Nothing),
        // Emoji.
        0xf0..=0xff => (4, 180, Joins::Nothing),
        0x00..=0x7f => (1, 100, Joins::Nothing),
    };
    Wide { bytes, cents, joins }
}

/// Dashes, arrows, boxes: one token with the blank before it; rules of one sign are long tokens.
fn sign(second: u8, again: bool, spaced: bool) -> u64 {
    match second {
        // Braille, which spinners are drawn with.
        0xa0..=0xa3 => 190,
        // Blocks, which bars are drawn with.
        0x96 if again => 70,
        0x80 | 0x94 | 0x95 if again => 11,
        _ if spaced => 25,
        _ => 100,
    }
}

/// Frequent ideographs share tokens. Those that only traditional writing uses do so less, and stand together by their
/// radicals: silk, speech, shell, cart, metal, gate, page, food, horse, fish, bird.
fn ideograph(lead: u8, second: u8) -> u64 {
    match (lead, second) {
        (0xe7, 0xb4..=0xb9)
        | (0xe8, 0xa8..=0xad | 0xb2..=0xb3 | 0xbb..=0xbc)
        | (
            0xe9,
            0x87..=0x91 | 0x96 | 0xa0 | 0xa3..=0xa4 | 0xa6..=0xa8 | 0xad..=0xb0 | 0xb3..=0xb6,
        ) => 150,
        _ => 82,
    }
}
