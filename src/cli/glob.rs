//! Wildcards in names: `*`, `?`, `[a-z]`, `[!a-z]`.

/// A name with wildcards in it, or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// As it was written.
    text: String,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Any,
    Class {
        members: Vec<(char, char)>,
        negated: bool,
    },
}

impl Pattern {
    /// All wildcards are.
    pub(super) fn new(text: &str) -> Self {
        Self::with_literals(text.chars().map(|c| (c, false)))
    }

    /// Characters, and whether each stands for itself whatever it is. An unclosed `[` does, too.
    pub(super) fn with_literals(chars: impl Iterator<Item = (char, bool)>) -> Self {
        let chars: Vec<(char, bool)> = chars.collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&(c, is_literal)) = chars.get(at) {
            at += 1;
            tokens.push(match c {
                _ if is_literal => Token::Literal(c),
                '?' => Token::One,
                '*' => Token::Any,
                '[' => match class(&chars[at..]) {
                    Some((len, token)) => {
                        at += len;
                        token
                    }
                    None => Token::Literal('['),
                },
                other => Token::Literal(other),
            });
        }
        Self { text: chars.iter().map(|(c, _)| c).collect(), tokens }
    }

    /// The name that it is if nothing in it is a wildcard.
    pub(super) fn as_name(&self) -> &str {
        &self.text
    }

    pub(super) fn has_wildcards(&self) -> bool {
        !self.tokens.iter().all(|token| matches!(token, Token::Literal(_)))
    }

    /// Whether the whole of `name` is what the pattern says. A name that begins with a dot is matched by
    /// patterns only that do, too, as shells have it.
    pub(super) fn matches(&self, name: &str) -> bool {
        let is_dotted = self.tokens.first() == Some(&Token::Literal('.'));
        (is_dotted || !name.starts_with('.')) && self.matches_any_name(name)
    }

    /// The same, where a dot at the beginning is like any other character.
    pub(super) fn matches_any_name(&self, name: &str) -> bool {
        let pattern = &self.tokens;
        let name: Vec<char> = name.chars().collect();
        let (mut p, mut n) = (0, 0);
        // Where to go on when the last `*` has to take one more.
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some(Token::Any) => {
                    p += 1;
                    star = Some((p, n));
                }
                Some(token) if token.takes(name[n]) => (p, n) = (p + 1, n + 1),
                _ => {
                    let Some((after, at)) = star else { return false };
                    star = Some((after, at + 1));
                    (p, n) = (after, at + 1);
                }
            }
        }
        pattern[p..].iter().all(|token| *token == Token::Any)
    }
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Literal(literal) => *literal == c,
            Self::One | Self::Any => true,
            Self::Class { members, negated } => {
                members.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// What follows `[`: its length and what it says; a `]` at its first place is a member.
fn class(chars: &[(char, bool)]) -> Option<(usize, Token)> {
    let negated = matches!(chars.first(), Some(('!' | '^', false)));
    let begin = usize::from(negated);
    let end = begin + 1 + chars.iter().skip(begin + 1).position(|c| *c == (']', false))?;
    let mut members = Vec::new();
    let mut rest = &chars[begin..end];
    while let [(low, _), after @ ..] = rest {
        rest = match after {
            [('-', false), (high, _), behind @ ..] => {
                members.push((*low, *high));
                behind
            }
            _ => {
                members.push((*low, *low));
                after
            }
        };
    }
    Some((end + 1, Token::Class { members, negated }))
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
            let parsed = Pattern::new(pattern);
            assert!(yes.iter().all(|name| parsed.matches(name)), "{pattern} {yes:?}");
            assert!(!no.iter().any(|name| parsed.matches(name)), "{pattern} {no:?}");
        }
        assert!(!Pattern::new("[ab").has_wildcards() && Pattern::new("a?").has_wildcards());
    }

    #[test]
    fn literals_are_themselves() {
        let literal = |text: &str| Pattern::with_literals(text.chars().map(|c| (c, true)));
        assert!(literal("r[1]*").matches("r[1]*") && !literal("r[1]*").matches("r1"));
        assert!(!literal("r[1]*").has_wildcards());
    }

    /// A pattern of many stars takes no exponential time.
    #[test]
    fn many_stars_end_soon() {
        assert!(!Pattern::new(&"*a".repeat(200)).matches(&"a".repeat(199)));
    }
}
