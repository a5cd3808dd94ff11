//! Dates as they stand in the middle of a line, to find where its name begins.

use super::Word;

pub(super) const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Whose months are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    /// Any word may be one.
    Any,
}

/// How many words at the beginning of `words` are a date.
pub(super) fn length(words: &[Word<'_>], language: Language) -> Option<usize> {
    iso(words).or_else(|| with_month(words, language))
}

/// `2024-01-01 10:00`, with seconds, parts of them and a zone or without; `2024-01-01`; `01-15 10:00`.
fn iso(words: &[Word<'_>]) -> Option<usize> {
    let date = words.first()?.text;
    let is_whole = is_numbers(date, '-', &[4, 2, 2]);
    if !is_whole && !is_numbers(date, '-', &[2, 2]) {
        return None;
    }
    let Some(_) = words.get(1).filter(|word| is_time(word.text)) else {
        return is_whole.then_some(1);
    };
    let zone = |text: &str| {
        text.strip_prefix(['+', '-'])
            .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let has_zone = words[1].text.contains('.') && words.get(2).is_some_and(|word| zone(word.text));
    Some(2 + usize::from(has_zone))
}

/// What `ls` puts behind the date with which `text` ends, besides the blank that parts the name from it: in
/// its style `iso`, `2020-01-01` of an old file is made as long as `01-15 10:00` of a new one.
pub(super) fn padding(text: &str) -> &'static str {
    let is_day = text.rsplit([' ', '\t']).next().is_some_and(|word| is_numbers(word, '-', &[4, 2, 2]));
    if is_day { " " } else { "" }
}

/// `Jan 1 2020`, `Jan 1 10:00`, `1 Jan 2020`, `Jan 1 10:00:00 2020`.
fn with_month(words: &[Word<'_>], language: Language) -> Option<usize> {
    let [first, second, third, ..] = words else { return None };
    let pair = |month: &str, day: &str| is_month(month, language) && is_day(day);
    if !pair(first.text, second.text) && !pair(second.text, first.text) {
        return None;
    }
    let is_year = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_year(third.text) {
        return Some(3);
    }
    let with_year =
        third.text.matches(':').count() == 2 && words.get(3).is_some_and(|word| is_year(word.text));
    is_time(third.text).then_some(3 + usize::from(with_year))
}

fn is_month(text: &str, language: Language) -> bool {
    let english = || MONTHS.iter().any(|month| month.eq_ignore_ascii_case(text));
    match language {
        Language::English => english(),
        Language::Any => {
            text.chars().any(char::is_alphabetic)
                && !text.chars().any(|c| c.is_ascii_punctuation() && c != '.')
        }
    }
}

fn is_day(text: &str) -> bool {
    let digits = text.trim_end_matches(['.', ',']);
    digits.len() <= 2 && super::number(digits).is_some_and(|day| (1..=31).contains(&day))
}

/// `9:05`, `09:05`, `09:05:01`, `09:05:01.000000000`.
pub(super) fn is_time(text: &str) -> bool {
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let mut parts = text.split(':');
    let two = |part: Option<&str>, min: usize| {
        part.is_some_and(|part| {
            (min..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    two(parts.next(), 1)
        && two(parts.next(), 2)
        && parts.next().is_none_or(|part| two(Some(part), 2))
        && parts.next().is_none()
}

/// Whether `text` is numbers of so many digits, with `between` between them.
pub(super) fn is_numbers(text: &str, between: char, digits: &[usize]) -> bool {
    let mut parts = text.split(between);
    digits.iter().all(|len| {
        parts.next().is_some_and(|part| part.len() == *len && part.bytes().all(|byte| byte.is_ascii_digit()))
    }) && parts.next().is_none()
}
