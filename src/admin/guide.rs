//! What docs/troubleshooting.md says about a reason, for the commands and the console. The page is compiled in.

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

    /// Where the section is, in the repository of accredit.
    pub fn address(reason: &str) -> String {
        format!("docs/troubleshooting.md#{reason}")
    }
}

#[cfg(test)]
mod tests {
    use accredit_core::reason::Reason;

    use super::ReasonGuide;

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
}
