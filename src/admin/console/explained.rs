//! An explanation, and the refusals of one request.

use crate::admin::console::html::Html;
use crate::admin::pb;
use crate::admin::pb::explanation::Answer;
use crate::admin::told::{latency, moment};

/// So many refusals of one request id are shown: a client may send one id many times.
pub const MOST_SHOWN: usize = 10;

/// A decision told step by step.
pub fn explanation(told: &pb::Explanation) -> Html {
    let mut html = Html::new();
    html.markup("<article class=\"told\"><h3 class=\"verdict\"><span class=\"badge ");
    html.markup(if told.decision == "allow" {
        "good"
    } else {
        "bad"
    });
    html.markup("\">")
        .text(&told.decision)
        .markup("</span> <span>")
        .text(&told.reason);
    html.markup("</span> <small>by the rule ")
        .text(&told.rule)
        .markup("</small></h3>");
    if let Some(answer) = &told.answer {
        html.piece(&self::answer(answer));
    }
    if !told.not_given.is_empty() {
        html.markup("<p class=\"note\">Not given, and could change it: ");
        html.text(&told.not_given.join(", ")).markup("</p>");
    }
    html.piece(&steps(&told.steps));
    if !told.rules.is_empty() {
        html.piece(&rules(&told.rules));
    }
    html.markup("</article>");
    html
}

/// That it could not be asked.
pub fn problem(said: &str) -> Html {
    let mut html = Html::new();
    html.markup("<p class=\"trouble\" role=\"alert\">")
        .text(said)
        .markup("</p>");
    html
}

/// What there is before anything was asked.
pub fn nothing() -> Html {
    let mut html = Html::new();
    html.markup("<p class=\"quiet\">The decision, each step of it, and what Envoy would be told stand here.</p>");
    html
}

/// Those found of the kept refusals of the requests with that id, and how many there are in all.
pub fn refusals(id: &str, found: &[pb::FoundRefusal], count: usize) -> Html {
    let mut html = Html::new();
    html.markup("<section id=\"refusals\" aria-labelledby=\"refusals-title\"><h2 id=\"refusals-title\">Refused: <code>");
    html.text(id).markup("</code></h2>");
    if found.is_empty() {
        html.markup("<p class=\"quiet\">No request with this id is among the last 1,000 refusals of this process.</p>");
    }
    if count > found.len() {
        html.markup("<p class=\"note\">");
        html.number(count)
            .markup(" refusals have this id; these are the newest ");
        html.number(found.len()).markup(" of them.</p>");
    }
    for refusal in found {
        if let Some(decision) = &refusal.decision {
            html.piece(&facts(decision));
        }
        match &refusal.explanation {
            Some(told) => html.piece(&explanation(told)).markup(
                "<p class=\"note\">The token is not kept; explained with it, the steps say what it holds.</p>",
            ),
            None => html.markup("<p class=\"quiet\">It was refused by a configuration that is no longer in force.</p>"),
        };
    }
    html.markup("</section>");
    html
}

/// One decision, all that is known of it.
fn facts(decision: &pb::Decision) -> Html {
    let mut html = Html::new();
    html.markup("<dl class=\"facts\">")
        .fact("Time", &moment(decision));
    let optional = [
        ("Method", &decision.method),
        ("Host", &decision.host),
        ("Path", &decision.path),
        ("Issuer", &decision.issuer),
        ("Key", &decision.key_id),
        ("Token cache", &decision.token_cache),
        ("Trace", &decision.trace_id),
    ];
    for (term, said) in optional {
        if let Some(said) = said {
            html.fact(term, said);
        }
    }
    html.fact("Latency", &latency(decision.latency_micros));
    html.fact("Configuration", &decision.config);
    let mut claims: Vec<_> = decision.claims.iter().collect();
    claims.sort_unstable();
    for (name, value) in claims {
        html.fact("Claim", &format!("{name} = {value}"));
    }
    html.markup("</dl>");
    html
}

fn answer(answer: &Answer) -> Html {
    let mut html = Html::new();
    match answer {
        Answer::Admitted(admission) => {
            html.markup("<p>The request goes on to the upstream");
            if !admission.set.is_empty() {
                html.markup(", with</p>")
                    .piece(&headers(&admission.set))
                    .markup("<p>and");
            }
            html.markup(" without <code>")
                .text(&admission.removed.join(", "));
            html.markup("</code></p>");
        }
        Answer::Refused(refusal) => {
            html.markup("<p>The client is answered <strong>");
            html.text(&refusal.status.to_string())
                .markup("</strong>, with</p>");
            html.piece(&headers(&refusal.headers)).markup("<pre>");
            html.text(&refusal.body).markup("</pre>");
        }
    }
    html
}

fn headers(headers: &[pb::Header]) -> Html {
    let mut html = Html::new();
    html.markup("<dl class=\"headers\">");
    for header in headers {
        html.markup("<div><dt>")
            .text(&header.name)
            .markup("</dt><dd>");
        html.text(&header.value).markup("</dd></div>");
    }
    html.markup("</dl>");
    html
}

fn steps(steps: &[pb::Step]) -> Html {
    let mut html = Html::new();
    html.markup("<table class=\"steps\"><caption>Steps, in their order</caption><thead class=\"unseen\"><tr>");
    html.markup("<th scope=\"col\">Step</th><th scope=\"col\">Outcome</th><th scope=\"col\">Note</th></tr></thead><tbody>");
    for run in
        steps.chunk_by(|one, next| is_silent(one) && is_silent(next) && one.outcome == next.outcome)
    {
        let [step, _, _, ..] = run else {
            run.iter().for_each(|step| {
                html.piece(&self::step(step));
            });
            continue;
        };
        html.markup("<tr class=\"")
            .text(&step.outcome)
            .markup("\"><td colspan=\"3\">");
        html.text(&step.outcome.replace('_', " "))
            .markup(": <code>");
        let names: Vec<_> = run.iter().map(|step| step.name.as_str()).collect();
        html.text(&names.join(", ")).markup("</code></td></tr>");
    }
    html.markup("</tbody></table>");
    html
}

/// Whether all there is to say of a step is that nobody looked: many such in a row are one line.
fn is_silent(step: &pb::Step) -> bool {
    step.note.is_none() && matches!(step.outcome.as_str(), "not_asked" | "not_reached")
}

fn step(step: &pb::Step) -> Html {
    let mut html = Html::new();
    html.markup("<tr class=\"")
        .text(&step.outcome)
        .markup("\"><th scope=\"row\">");
    html.text(&step.name).markup("</th><td>");
    html.text(&step.outcome.replace('_', " "))
        .markup("</td><td>");
    html.text(step.note.as_deref().unwrap_or_default())
        .markup("</td></tr>");
    html
}

fn rules(rules: &[pb::RuleLookedAt]) -> Html {
    let mut html = Html::new();
    html.markup("<table class=\"steps\"><caption>Rules that were looked at</caption><tbody>");
    for rule in rules {
        html.markup(if rule.mismatch.is_some() {
            "<tr class=\"not_asked\">"
        } else {
            "<tr class=\"passed\">"
        });
        html.markup("<th scope=\"row\">")
            .text(&rule.name)
            .markup("</th><td>");
        html.text(rule.mismatch.as_deref().unwrap_or("matches"))
            .markup("</td></tr>");
    }
    html.markup("</tbody></table>");
    html
}
