//! The section of docs/troubleshooting.md about a reason, for the commands and the console. The page is compiled into the binary.

const PAGE: &str = include_str!("../../docs/troubleshooting.md");

/// The section of one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonGuide {
    /// What the reason means.
    pub meaning: String,
    /// What usually causes it.
    pub causes: String,
    /// How to find out whether that is the cause.
    pub confirm: String,
    /// What to do.
    pub fix: String,
}

/// A part of a text of the guide, as Markdown marks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuidePart<'a> {
    Text(&'a str),
    Code(&'a str),
    /// A link to a page in the folder `docs`, with its anchor if it has one.
    Link {
        text: &'a str,
        page: &'a str,
    },
}

impl GuidePart<'_> {
    /// The parts of a text, in their order.
    pub fn of(text: &str) -> Vec<GuidePart<'_>> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, part, after)) = next_marked(rest) {
            if !before.is_empty() {
                parts.push(GuidePart::Text(before));
            }
            parts.push(part);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(GuidePart::Text(rest));
        }
        parts
    }
}

/// The first code or link of a text, with the texts before and after it.
fn next_marked(text: &str) -> Option<(&str, GuidePart<'_>, &str)> {
    let marks = text.match_indices(['`', '[']);
    marks
        .filter_map(|(place, _)| {
            let (before, marked) = text.split_at_checked(place)?;
            if let Some(code) = marked.strip_prefix('`') {
                let (code, after) = code.split_once('`')?;
                return Some((before, GuidePart::Code(code), after));
            }
            let (text, rest) = marked.strip_prefix('[')?.split_once("](")?;
            let (page, after) = rest.split_once(')')?;
            Some((before, GuidePart::Link { text, page }, after))
        })
        .next()
}

/// A text of the guide for a terminal: a link becomes the path of its page in the repository of accredit.
pub fn plain(text: &str) -> String {
    let parts = GuidePart::of(text).into_iter();
    parts
        .map(|part| match part {
            GuidePart::Text(text) => text.to_owned(),
            GuidePart::Code(code) => format!("`{code}`"),
            GuidePart::Link { text, page } if page.starts_with(text) => format!("docs/{page}"),
            GuidePart::Link { text, page } => format!("{text} (docs/{page})"),
        })
        .collect()
}

impl ReasonGuide {
    /// The section of a reason; `None` for an admission.
    pub fn of(reason: &str) -> Option<ReasonGuide> {
        let (_, rest) = PAGE.split_once(&format!("\n### `{reason}`\n"))?;
        let section = rest.split("\n#").next()?;
        let paragraph = |label: &str| {
            let text = section
                .split("\n\n")
                .find_map(|paragraph| paragraph.trim().strip_prefix(label))?;
            Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        Some(ReasonGuide {
            meaning: paragraph("**Meaning.**")?,
            causes: paragraph("**Usual causes.**")?,
            confirm: paragraph("**Confirm.**")?,
            fix: paragraph("**Fix.**")?,
        })
    }

    /// The page and the anchor of the section.
    pub fn page(reason: &str) -> String {
        format!("troubleshooting.md#{reason}")
    }
}

#[cfg(test)]
mod tests {
    use accredit_core::reason::Reason;

    use super::{GuidePart, ReasonGuide, plain};

    #[test]
    fn every_denial_has_a_complete_section_in_the_guide() {
        for reason in Reason::denials() {
            let guide = ReasonGuide::of(reason.as_str()).expect("has a section");
            for text in [&guide.meaning, &guide.causes, &guide.confirm, &guide.fix] {
                assert!(text.len() > 15, "{reason:?}: {guide:?}");
                assert!(!text.contains("**") && !text.contains('\n'), "{text}");
            }
        }
        assert_eq!(ReasonGuide::of("allowed"), None);
        assert_eq!(ReasonGuide::of("expired`\n"), None);
    }

    #[test]
    fn a_link_in_the_guide_becomes_the_path_of_its_page() {
        for (text, expected) in [
            (
                "Raise `a.b`; see [keys.md](keys.md).",
                "Raise `a.b`; see docs/keys.md.",
            ),
            ("see [keys.md](keys.md#age)", "see docs/keys.md#age"),
            (
                "the [age of keys](keys.md)",
                "the age of keys (docs/keys.md)",
            ),
            ("`[a](b)` and [c", "`[a](b)` and [c"),
            ("a ` b", "a ` b"),
        ] {
            assert_eq!(plain(text), expected);
        }
        assert_eq!(
            GuidePart::of("a `b` [c](d)"),
            [
                GuidePart::Text("a "),
                GuidePart::Code("b"),
                GuidePart::Text(" "),
                GuidePart::Link {
                    text: "c",
                    page: "d"
                },
            ]
        );
    }
}
