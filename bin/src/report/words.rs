//! Numbers, sizes and times as people read them, and foreign text made safe to show.

use std::fmt::Write;

use highwater_protocol::Digest;

/// Shown where nothing was measured.
pub(crate) const DASH: &str = "\u{2013}";

/// The number as a coordinate or a factor. Exact up to 2^53, beyond which a picture shows no difference.
pub(crate) fn real(number: u64) -> f64 {
    let high = u32::try_from(number >> 32).expect("32 bits remain");
    let low = u32::try_from(number & 0xffff_ffff).expect("32 bits remain");
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// A length as a number that can be shown and drawn.
pub(crate) fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// `12,345`
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 turn`, `12 turns`, `1 pass`, `2 passes`
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let ending = match (number, noun.ends_with('s'), noun.strip_suffix('y')) {
        (1, _, _) => return format!("1 {noun}"),
        (_, true, _) => "es",
        (_, _, Some(stem)) => return format!("{} {stem}ies", thousands(number)),
        _ => "s",
    };
    format!("{} {noun}{ending}", thousands(number))
}

/// All of a digest, for whoever compares it; people are shown its beginning.
pub(crate) fn hex(digest: &Digest) -> String {
    digest.0.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

/// `870`, `31.5k`, `214k`, `1.2M`
pub(crate) fn short(number: u64) -> String {
    let (scaled, unit) = match number {
        0..1_000 => return number.to_string(),
        1_000..999_500 => (real(number) / 1e3, "k"),
        _ => (real(number) / 1e6, "M"),
    };
    format!("{}{unit}", trimmed(scaled))
}

/// `512 B`, `31.5 kB`, `1.2 MB`
pub(crate) fn bytes(number: u64) -> String {
    let (scaled, unit) = match number {
        0..1_000 => return format!("{number} B"),
        1_000..999_500 => (real(number) / 1e3, "kB"),
        999_500..999_500_000 => (real(number) / 1e6, "MB"),
        _ => (real(number) / 1e9, "GB"),
    };
    format!("{} {unit}", trimmed(scaled))
}

/// `340 \u{b5}s`, `1.9 ms`, `3 s`
pub(crate) fn micros(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} \u{b5}s"),
        _ => millis(real(us) / 1e3),
    }
}

/// `1.9 ms`, `3 s`, `2 min 5 s`
pub(crate) fn millis(ms: f64) -> String {
    if ms < 999.5 {
        format!("{} ms", trimmed(ms))
    } else if ms < 119_500.0 {
        format!("{} s", trimmed(ms / 1e3))
    } else {
        let seconds = (ms / 1e3).round();
        format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}

fn trimmed(number: f64) -> String {
    let text = if number < 99.95 { format!("{number:.1}") } else { format!("{number:.0}") };
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Foreign text without control characters and marks of direction, so that it can neither steer a terminal nor show
/// what stands around it in another order.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|sign| match sign {
            '\n' | '\r' | '\t' => ' ',
            _ if sign.is_control() || turns_around(sign) => '\u{fffd}',
            _ => sign,
        })
        .collect()
}

/// Whether it changes the direction of the text behind it.
fn turns_around(sign: char) -> bool {
    matches!(sign, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Foreign text that may stand in HTML, in text as well as in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in plain(text).chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(sign),
        }
    }
    safe
}
