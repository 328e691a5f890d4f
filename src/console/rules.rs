//! The rules of the configuration in force.

use maud::{Markup, html};

use crate::admin::rules::RuleSummary;
use crate::console::live::link;

/// A longer table is folded.
const MAX_UNFOLDED: usize = 12;

/// The rules on the page.
const MAX_RULES: usize = 500;

/// The section with all rules, in the order in which they are compared with a request.
pub fn section(rules: &[RuleSummary]) -> Markup {
    html! {
        section id="rules" aria-labelledby="rules-title" {
            div.head {
                h2 id="rules-title" { "Rules" }
                p.quiet { "the first one that applies to a request decides" }
            }
            @match rules.len() > MAX_UNFOLDED {
                true => details {
                    summary { (rules.len()) " rules" }
                    (table(rules))
                },
                false => (table(rules)),
            }
        }
    }
}

fn table(rules: &[RuleSummary]) -> Markup {
    let others = rules.len().saturating_sub(MAX_RULES);
    html! {
        table.rules {
            caption.unseen { "Rules in their order" }
            thead {
                tr {
                    th scope="col" { "Rule" }
                    th scope="col" { "Applies to" }
                    th scope="col" { "Requires" }
                }
            }
            tbody {
                @for rule in rules.iter().take(MAX_RULES) {
                    tr {
                        th scope="row" { (link("rule", &rule.name, "")) }
                        td { (rule.applies) }
                        td { (rule.requires) }
                    }
                }
                @if others > 0 {
                    tr { td.quiet colspan="3" { (others) " more rules" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::admin::rules::RuleSummary;

    #[test]
    fn rules_beyond_the_limit_of_the_console_page_are_counted() {
        let rules: Vec<_> = (0..502)
            .map(|number| RuleSummary {
                name: format!("rule-{number}"),
                applies: "GET".to_owned(),
                requires: "a verified token".to_owned(),
            })
            .collect();
        let page = section(&rules).0;
        assert_eq!(page.matches("<th scope=\"row\">").count(), 500);
        assert!(page.contains("2 more rules"));
    }
}
