//! Wildcards in names: `*`, `?`, `[a-z]`, `[!a-z]`.

/// Whether `text` has a wildcard in it.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether the whole of `name` is what `pattern` says. A name that begins with a dot is matched by
/// patterns only that do, too, as shells have it. An unclosed `[` stands for itself.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on when the last `*` has to take one more.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match one(&pattern[p..], name[n]) {
            Some(taken) => {
                p += taken;
                n += 1;
            }
            None if pattern.get(p) == Some(&'*') => {
                p += 1;
                star = Some((p, n));
            }
            None => {
                let Some((after, at)) = star else { return false };
                star = Some((after, at + 1));
                (p, n) = (after, at + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Characters of `pattern` that stand for the one `c`; `None`: they do not, or it begins with `*`.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '*' => None,
        '?' => Some(1),
        '[' => match class(pattern) {
            Some((len, members, negated)) => (contains(members, c) != negated).then_some(len),
            None => (c == '[').then_some(1),
        },
        literal => (*literal == c).then_some(1),
    }
}

/// Length, members and negation of the class at the start; a `]` at its first place is a member.
fn class(pattern: &[char]) -> Option<(usize, &[char], bool)> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let begin = 1 + usize::from(negated);
    let end = pattern.iter().skip(begin + 1).position(|c| *c == ']')? + begin + 1;
    Some((end + 1, &pattern[begin..end], negated))
}

fn contains(members: &[char], c: char) -> bool {
    let mut at = 0;
    while at < members.len() {
        match members[at..] {
            [low, '-', high, ..] => {
                if (low..=high).contains(&c) {
                    return true;
                }
                at += 3;
            }
            _ if members[at] == c => return true,
            _ => at += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, yes, no) in [
            ("*.txt", &["a.txt", "b.c.txt"][..], &["a.txt2", ".txt", "txt"][..]),
            ("a?c", &["abc", "aäc"], &["ac", "abbc"]),
            ("[a-c]x[!0-9]", &["axy", "cx-"], &["dxy", "ax7", "ax"]),
            ("*a*b*", &["ab", "xaxbx", "aab"], &["ba", ""]),
            ("[]x]", &["]", "x"], &["y", "[]x]"]),
            ("[ab", &["[ab"], &["a"]),
            ("plain", &["plain"], &["plai", "plainn"]),
            (".*", &[".a"], &["a"]),
        ] {
            assert!(yes.iter().all(|name| matches(pattern, name)), "{pattern} {yes:?}");
            assert!(!no.iter().any(|name| matches(pattern, name)), "{pattern} {no:?}");
        }
    }

    /// A pattern of many stars takes no exponential time.
    #[test]
    fn many_stars_end_soon() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
    }
}
