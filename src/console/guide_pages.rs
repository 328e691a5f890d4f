//! The pages of the documentation that the guide of reasons links to. They are compiled in, because the console has to work without
//! the network, and accredit's documentation has no public address.

use maud::{Markup, html};

use crate::admin::guide::GuidePart;
use crate::console::document::{Layout, Page};

/// The name and the text of each page. A test checks that the guide links to these only.
const PAGES: [(&str, &str); 4] = [
    (
        "troubleshooting.md",
        include_str!("../../docs/troubleshooting.md"),
    ),
    (
        "bound-tokens.md",
        include_str!("../../docs/bound-tokens.md"),
    ),
    ("revocation.md", include_str!("../../docs/revocation.md")),
    ("tenants.md", include_str!("../../docs/tenants.md")),
];

/// A text of the guide, with its code and links.
pub fn prose(text: &str) -> Markup {
    html! {
        @for part in GuidePart::of(text) {
            @match part {
                GuidePart::Text(text) => (text),
                GuidePart::Code(code) => code { (code) },
                GuidePart::Link { text, page } => (link(page, Some(text))),
            }
        }
    }
}

/// A link to a page, which may have an anchor; `None` shows the path of the page in the repository of accredit.
pub fn link(page: &str, text: Option<&str>) -> Markup {
    let text = text.map_or_else(|| format!("docs/{page}"), str::to_owned);
    html! { a href={ "/console/docs/" (page) } { (text) } }
}

/// A page as it is written, with anchors at its headings; `None` if the console has no page of that name.
pub fn page(instance: &str, name: &str) -> Option<Page> {
    let (_, text) = PAGES.into_iter().find(|(own, _)| *own == name)?;
    let main = html! {
        section.document {
            @for (anchor, part) in sections(text) {
                pre id=[anchor] { (part) }
            }
        }
    };
    Some(Page::new(
        &format!("docs/{name}, accredit console"),
        instance,
        Layout::Single,
        &main,
    ))
}

/// The parts of a page from heading to heading, with the anchors of the headings. A `#` in a block of code begins no part.
fn sections(text: &str) -> Vec<(Option<String>, &str)> {
    let mut sections = Vec::new();
    let (mut begin, mut anchor, mut place, mut is_code) = (0, None, 0, false);
    for line in text.split_inclusive('\n') {
        is_code ^= line.starts_with("```");
        if line.starts_with('#') && !is_code {
            sections.push((anchor.take(), text.get(begin..place).unwrap_or_default()));
            (begin, anchor) = (place, Some(anchor_of(line)));
        }
        place += line.len();
    }
    sections.push((anchor, text.get(begin..).unwrap_or_default()));
    sections.retain(|(_, part)| !part.is_empty());
    sections
}

/// The anchor of a heading, as GitHub makes it.
fn anchor_of(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'));
    kept.map(|one| if one == ' ' { '-' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use accredit_core::reason::Reason;

    use super::{PAGES, sections};
    use crate::admin::guide::{GuidePart, ReasonGuide};

    /// The name and the anchor of a link.
    fn target(page: &str) -> (&str, Option<&str>) {
        match page.split_once('#') {
            Some((name, anchor)) => (name, Some(anchor)),
            None => (page, None),
        }
    }

    #[test]
    fn every_link_of_the_guide_leads_to_a_page_of_the_console() {
        let mut count = 0;
        for reason in Reason::denials() {
            let guide = ReasonGuide::of(reason.as_str()).unwrap();
            let section = ReasonGuide::page(reason.as_str());
            let texts = [&guide.meaning, &guide.causes, &guide.confirm, &guide.fix];
            let parts = texts.into_iter().flat_map(|text| GuidePart::of(text));
            let links = parts.filter_map(|part| match part {
                GuidePart::Link { page, .. } => Some(page),
                GuidePart::Text(_) | GuidePart::Code(_) => None,
            });
            for link in links.chain([&*section]) {
                let (name, anchor) = target(link);
                let (_, text) = PAGES
                    .into_iter()
                    .find(|(own, _)| *own == name)
                    .unwrap_or_else(|| panic!("{link} is not a page of the console"));
                let found = sections(text);
                let mut anchors = found.iter().filter_map(|(own, _)| own.as_deref());
                assert!(
                    anchor.is_none_or(|anchor| anchors.any(|own| own == anchor)),
                    "{link}"
                );
                count += 1;
            }
        }
        assert!(count > Reason::denials().count(), "the guide has links");
    }

    #[test]
    fn the_sections_of_a_page_are_the_whole_page() {
        for (name, text) in PAGES {
            let whole: String = sections(text).into_iter().map(|(_, part)| part).collect();
            assert_eq!(whole, text, "{name}");
        }
        let code = sections("a\n# B `c`\n```sh\n# d\n```\n");
        assert_eq!(
            code,
            [
                (None, "a\n"),
                (Some("b-c".to_owned()), "# B `c`\n```sh\n# d\n```\n")
            ]
        );
    }
}
