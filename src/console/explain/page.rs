//! An explanation, and the refusals of one request.

use maud::{Markup, html};

use crate::admin::guide::ReasonGuide;
use crate::admin::pb;
use crate::admin::pb::explanation::Answer;
use crate::admin::text::{LEFT_TO_ENVOY, latency, moment};
use crate::console::document::{Layout, Page, fact};
use crate::console::explain::form::{self, FilledForm};
use crate::console::guide_pages::{link, prose};
use crate::console::tail_table;

/// The refusals with one request ID on one page: a client can send one ID many times.
pub const MAX_REFUSALS: usize = 10;

/// The page that answers the form.
pub fn explained(instance: &str, filled: &FilledForm, answer: &Markup) -> Page {
    let main = form::section(filled, answer);
    Page::new(
        "explanation, accredit console",
        instance,
        Layout::Single,
        &main,
    )
}

/// The page with the refusals of one request.
pub fn found(instance: &str, id: &str, refusals: &Markup) -> Page {
    let main = html! {
        (refusals)
        section { (tail_table::lookup(id)) }
    };
    Page::new("denials, accredit console", instance, Layout::Single, &main)
}

/// A decision and each of its steps.
pub fn explanation(explanation: &pb::Explanation) -> Markup {
    let class = match explanation.decision != "deny" {
        true => "badge good",
        false => "badge bad",
    };
    html! {
        article.explained {
            h3.verdict {
                span class=(class) { (explanation.decision) } " "
                span { (explanation.reason) } " "
                small { "rule " (explanation.rule) }
            }
            (cause(explanation))
            @if let Some(answer) = &explanation.answer { (self::answer(answer)) }
            @if !explanation.not_given.is_empty() {
                p.note {
                    "Inputs that were not given and could change the decision: "
                    (explanation.not_given.join(", "))
                }
            }
            (steps(&explanation.steps))
            @if !explanation.rules.is_empty() { (rules(&explanation.rules)) }
        }
    }
}

/// The step that failed, and what the runbook of the reason says. An operator reads it first.
fn cause(explanation: &pb::Explanation) -> Markup {
    let mut steps = explanation.steps.iter();
    let failed = steps.find(|step| step.outcome == "failed");
    let guide = ReasonGuide::of(&explanation.reason);
    html! {
        @if let Some(step) = failed {
            p.cause {
                "Step " code { (step.name) } " failed"
                @if let Some(note) = &step.note { ": " (note) } @else { "." }
            }
        }
        @if let Some(guide) = guide {
            details.runbook open[failed.is_none()] {
                summary { strong { "What to do: " } (prose(&guide.fix)) }
                dl {
                    (fact("Meaning", prose(&guide.meaning)))
                    (fact("Usual causes", prose(&guide.causes)))
                    (fact("Confirm", prose(&guide.confirm)))
                    (fact("Runbook", link(&ReasonGuide::page(&explanation.reason), None)))
                }
            }
        }
    }
}

/// Why a form or a query has no answer.
pub fn problem(text: &str) -> Markup {
    html! { p.trouble role="alert" { (text) } }
}

/// The place of the answer before the form was sent.
pub fn nothing() -> Markup {
    html! { p.quiet { "The decision, its steps and the answer for Envoy appear here." } }
}

/// The newest refusals of the requests with this ID; `count` is the number of all.
pub fn refusals(id: &str, found: &[pb::FoundRefusal], count: usize) -> Markup {
    html! {
        section id="refusals" aria-labelledby="refusals-title" {
            h2 id="refusals-title" { "Denied: " code { (id) } }
            @if found.is_empty() {
                p.quiet {
                    "No request with this ID is among the last 1,000 denials of this process. \
                     Another replica may have denied it."
                }
            }
            @if count > found.len() {
                p.note { (count) " denials have this ID. These are the newest " (found.len()) "." }
            }
            @for refusal in found {
                @match &refusal.explanation {
                    Some(explanation) => {
                        (self::explanation(explanation))
                        p.note {
                            "accredit does not store tokens. Explain the request with its token to see the values in it."
                        }
                    }
                    None => p.quiet {
                        "The configuration that denied this request is no longer in force; its steps are not available."
                    },
                }
                @if let Some(decision) = &refusal.decision { (facts(decision)) }
            }
        }
    }
}

/// Everything that is known of one decision.
fn facts(decision: &pb::Decision) -> Markup {
    let optional = [
        ("Method", &decision.method),
        ("Host", &decision.host),
        ("Path", &decision.path),
        ("Issuer", &decision.issuer),
        ("Key ID", &decision.key_id),
        ("Token cache", &decision.token_cache),
        ("Trace", &decision.trace_id),
    ];
    let mut claims: Vec<_> = decision.claims.iter().collect();
    claims.sort_unstable();
    html! {
        dl.facts {
            (fact("Time", moment(decision)))
            @for (term, value) in optional {
                @if let Some(value) = value { (fact(term, value)) }
            }
            (fact("Latency", latency(decision.latency_micros)))
            (fact("Configuration", &decision.config))
            @for (name, value) in claims { (fact("Claim", format!("{name} = {value}"))) }
        }
    }
}

fn answer(answer: &Answer) -> Markup {
    match answer {
        Answer::Admitted(admission) => html! {
            @if admission.set.is_empty() {
                p { "Envoy forwards the request to the upstream." }
            } @else {
                p { "Envoy forwards the request to the upstream and sets these headers:" }
                (headers(&admission.set))
            }
            @if !admission.removed.is_empty() {
                p { "It removes these headers: " code { (admission.removed.join(", ")) } }
            }
            @if !admission.left_out.is_empty() {
                p { "These claim headers are left out:" }
                dl.headers {
                    @for header in &admission.left_out { (fact(&header.name, &header.cause)) }
                }
            }
        },
        Answer::Refused(refusal) => html! {
            @if refusal.left_to_envoy { p { (LEFT_TO_ENVOY) } }
            p { "Envoy answers the client with status " strong { (refusal.status) } ":" }
            (headers(&refusal.headers))
            pre { (refusal.body) }
        },
    }
}

fn headers(headers: &[pb::Header]) -> Markup {
    html! {
        dl.headers {
            @for header in headers { (fact(&header.name, &header.value)) }
        }
    }
}

fn steps(steps: &[pb::Step]) -> Markup {
    let runs = steps.chunk_by(|one, next| {
        is_without_result(one) && is_without_result(next) && one.outcome == next.outcome
    });
    html! {
        table.steps {
            caption { "Steps in order" }
            thead.unseen {
                tr {
                    th scope="col" { "Step" }
                    th scope="col" { "Outcome" }
                    th scope="col" { "Note" }
                }
            }
            tbody {
                @for run in runs {
                    @match run {
                        [first, _, _, ..] => tr class=(first.outcome) {
                            td colspan="3" {
                                (shown(first)) ": "
                                code { (run.iter().map(|step| step.name.as_str()).collect::<Vec<_>>().join(", ")) }
                            }
                        },
                        few => @for step in few {
                            tr class=(step.outcome) {
                                th scope="row" { (step.name) }
                                td { (shown(step)) }
                                td { (step.note.as_deref().unwrap_or_default()) }
                            }
                        },
                    }
                }
            }
        }
    }
}

fn shown(step: &pb::Step) -> String {
    step.outcome.replace('_', " ")
}

/// Whether the step was not required or not reached, and nothing else is known of it: three or more of these in a row
/// share one line.
fn is_without_result(step: &pb::Step) -> bool {
    step.note.is_none() && matches!(step.outcome.as_str(), "not_required" | "not_reached")
}

fn rules(rules: &[pb::RuleLookedAt]) -> Markup {
    html! {
        table.steps {
            caption { "Rules that were evaluated" }
            tbody {
                @for rule in rules {
                    tr class=(if rule.mismatch.is_some() { "not_required" } else { "passed" }) {
                        th scope="row" { (rule.name) }
                        td { (rule.mismatch.as_deref().unwrap_or("matches")) }
                    }
                }
            }
        }
    }
}
