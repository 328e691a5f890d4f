//! The regular expressions of `matches`, which CEL defines in the syntax of RE2.
//!
//! The parser reads a larger language than RE2, in which some texts mean something else: to RE2, `\d` is ASCII, `[--a]` is a
//! range, `[a&&b]` is a list of characters and `\<` is `<`. A pattern that matched more texts than the operator expects could
//! admit a request. So this file gives `\d`, `\s`, `\w` and `\b` the meaning of RE2, and refuses every other construct that
//! RE2 does not have, or reads differently.

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{
    AssertionKind, Ast, ClassBracketed, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem,
    ClassSetRange, ClassSetUnion, Flag, Flags, FlagsItem, FlagsItemKind, Group, GroupKind,
    HexLiteralKind, Literal, LiteralKind, Repetition, RepetitionKind, RepetitionRange, Span,
    SpecialLiteralKind,
};
use regex_syntax::hir::Hir;
use regex_syntax::hir::translate::TranslatorBuilder;

/// The most repetitions that RE2 permits in `{n}`.
const MAX_REPETITIONS: u32 = 1_000;

/// Reads a pattern.
///
/// # Errors
/// Why the pattern is none in RE2, or why it is refused.
pub fn parse(pattern: &str) -> Result<Hir, String> {
    let mut ast = ParserBuilder::new()
        .build()
        .parse(pattern)
        .map_err(|error| error.kind().to_string())?;
    Re2 { pattern }.check(&mut ast)?;
    TranslatorBuilder::new()
        .build()
        .translate(pattern, &ast)
        .map_err(|error| error.kind().to_string())
}

struct Re2<'p> {
    pattern: &'p str,
}

impl Re2<'_> {
    fn check(&self, ast: &mut Ast) -> Result<(), String> {
        let replacement = match ast {
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText => return Ok(()),
                AssertionKind::WordBoundary => ascii_only(Ast::assertion((**assertion).clone())),
                // RE2 in C++ and in Go differ about it beside text outside ASCII.
                AssertionKind::NotWordBoundary => return Err("`\\B` is not permitted".to_owned()),
                _ => return Err(self.not_in_re2(&assertion.span)),
            },
            Ast::ClassPerl(class) => Ast::class_bracketed(ascii_class(class)),
            Ast::Empty(_) | Ast::Dot(_) => return Ok(()),
            Ast::Literal(literal) => return self.literal(literal),
            Ast::Flags(set) => return self.flags(&set.flags),
            Ast::ClassUnicode(class) => return Err(self.not_permitted(&class.span)),
            Ast::ClassBracketed(class) => return self.class(class),
            Ast::Repetition(repetition) => return self.repetition(repetition),
            Ast::Group(group) => {
                if let GroupKind::NonCapturing(flags) = &group.kind {
                    self.flags(flags)?;
                }
                return self.check(&mut group.ast);
            }
            Ast::Alternation(alternation) => return self.all(&mut alternation.asts),
            Ast::Concat(concatenation) => return self.all(&mut concatenation.asts),
        };
        *ast = replacement;
        Ok(())
    }

    fn all(&self, asts: &mut [Ast]) -> Result<(), String> {
        asts.iter_mut().try_for_each(|ast| self.check(ast))
    }

    fn literal(&self, literal: &Literal) -> Result<(), String> {
        match literal.kind {
            LiteralKind::Verbatim
            | LiteralKind::Meta
            | LiteralKind::Superfluous
            | LiteralKind::HexFixed(HexLiteralKind::X)
            | LiteralKind::HexBrace(HexLiteralKind::X) => Ok(()),
            LiteralKind::Special(ref kind) if *kind != SpecialLiteralKind::Space => Ok(()),
            LiteralKind::HexFixed(_)
            | LiteralKind::HexBrace(_)
            | LiteralKind::Octal
            | LiteralKind::Special(_) => Err(self.not_in_re2(&literal.span)),
        }
    }

    fn flags(&self, flags: &Flags) -> Result<(), String> {
        let known = flags.items.iter().all(|item| match item.kind {
            FlagsItemKind::Negation => true,
            FlagsItemKind::Flag(flag) => match flag {
                Flag::CaseInsensitive
                | Flag::MultiLine
                | Flag::DotMatchesNewLine
                | Flag::SwapGreed => true,
                Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace => false,
            },
        });
        match known {
            true => Ok(()),
            false => Err(self.not_in_re2(&flags.span)),
        }
    }

    fn class(&self, class: &mut ClassBracketed) -> Result<(), String> {
        // RE2 reads both as the begin of a range, and the parser as characters.
        let text = self.text(&class.span);
        let text = text.strip_prefix('[').unwrap_or(text);
        let text = text.strip_prefix('^').unwrap_or(text);
        let begins_range = text.starts_with("--")
            || text
                .strip_prefix("]-")
                .is_some_and(|rest| !rest.starts_with(']'));
        if begins_range {
            return Err(self.ambiguous(&class.span));
        }
        match &mut class.kind {
            ClassSet::Item(item) => self.item(item, &class.span),
            ClassSet::BinaryOp(_) => Err(self.ambiguous(&class.span)),
        }
    }

    fn item(&self, item: &mut ClassSetItem, class: &Span) -> Result<(), String> {
        let replacement = match item {
            ClassSetItem::Perl(class) => ClassSetItem::Bracketed(Box::new(ascii_class(class))),
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) => return Ok(()),
            ClassSetItem::Literal(literal) => return self.literal(literal),
            ClassSetItem::Range(range) => {
                self.literal(&range.start)?;
                return self.literal(&range.end);
            }
            ClassSetItem::Union(union) => {
                return union
                    .items
                    .iter_mut()
                    .try_for_each(|item| self.item(item, class));
            }
            ClassSetItem::Unicode(unicode) => return Err(self.not_permitted(&unicode.span)),
            // To RE2 it is `[`, the characters up to the first `]`, and text after the class.
            ClassSetItem::Bracketed(_) => return Err(self.ambiguous(class)),
        };
        *item = replacement;
        Ok(())
    }

    fn repetition(&self, repetition: &mut Repetition) -> Result<(), String> {
        if matches!(*repetition.ast, Ast::Repetition(_)) {
            return Err(self.not_in_re2(&repetition.span));
        }
        if let RepetitionKind::Range(range) = &repetition.op.kind {
            // `{ 2 }` is text to RE2.
            let text = self.text(&repetition.op.span);
            let is_strict = |byte: u8| byte.is_ascii_digit() || b"{,}?".contains(&byte);
            if !text.bytes().all(is_strict) {
                return Err(self.ambiguous(&repetition.op.span));
            }
            let (RepetitionRange::Exactly(most)
            | RepetitionRange::AtLeast(most)
            | RepetitionRange::Bounded(_, most)) = range;
            if *most > MAX_REPETITIONS {
                return Err(format!("more than {MAX_REPETITIONS} repetitions"));
            }
        }
        self.check(&mut repetition.ast)
    }

    fn text(&self, span: &Span) -> &str {
        self.pattern
            .get(span.start.offset..span.end.offset)
            .unwrap_or_default()
    }

    fn not_in_re2(&self, span: &Span) -> String {
        format!(
            "RE2 does not have `{}`, or reads it differently",
            self.text(span)
        )
    }

    fn not_permitted(&self, span: &Span) -> String {
        format!("`{}` is not permitted; list characters", self.text(span))
    }

    fn ambiguous(&self, span: &Span) -> String {
        format!(
            "RE2 reads `{}` differently; escape `[`, `]`, `-`, `&`, `~` and white space with a backslash",
            self.text(span)
        )
    }
}

/// `(?-u:...)`
fn ascii_only(ast: Ast) -> Ast {
    let span = *ast.span();
    let item = |kind| FlagsItem { span, kind };
    let items = vec![
        item(FlagsItemKind::Negation),
        item(FlagsItemKind::Flag(Flag::Unicode)),
    ];
    Ast::group(Group {
        span,
        kind: GroupKind::NonCapturing(Flags { span, items }),
        ast: Box::new(ast),
    })
}

/// `\d`, `\s` and `\w` as RE2 has them: ASCII, and `\s` without the vertical tab. Within `(?i)`, RE2 folds them too.
fn ascii_class(class: &ClassPerl) -> ClassBracketed {
    let span = class.span;
    let literal = |c| Literal {
        span,
        kind: LiteralKind::Verbatim,
        c,
    };
    let range = |start, end| {
        ClassSetItem::Range(ClassSetRange {
            span,
            start: literal(start),
            end: literal(end),
        })
    };
    let items = match class.kind {
        ClassPerlKind::Digit => vec![range('0', '9')],
        ClassPerlKind::Space => vec![range('\t', '\n'), range('\x0c', '\r'), range(' ', ' ')],
        ClassPerlKind::Word => vec![
            range('0', '9'),
            range('A', 'Z'),
            range('_', '_'),
            range('a', 'z'),
        ],
    };
    ClassBracketed {
        span,
        negated: class.negated,
        kind: ClassSet::Item(ClassSetItem::Union(ClassSetUnion { span, items })),
    }
}

#[cfg(test)]
mod tests;
