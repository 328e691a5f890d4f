//! Reports the rules on trial: when a configuration takes effect, and once a day.

use std::convert::Infallible;
use std::time::Duration;

use accredit_core::authz::authorizer::Authorizer;
use accredit_core::rules::table::RuleTable;

use crate::envoy::current::Current;
use crate::envoy::service;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// In the last days of a trial it is reported as an error, because the rule will deny requests that it admits now.
const LAST_DAYS: f64 = 7.0;

/// Logs each rule on trial, at level error in its last week.
pub(crate) fn report(rules: &RuleTable) {
    let Ok(now) = service::now() else {
        return;
    };
    for rule in rules.iter() {
        let Some(end) = rule.trial_end else {
            continue;
        };
        let days = (end.seconds() - now.wall.seconds()) / DAY.as_secs_f64();
        let (rule, days_left) = (&*rule.name, days.ceil());
        if days <= 0.0 {
            tracing::info!(rule, "the trial of a rule has ended; the rule is enforced");
        } else if days <= LAST_DAYS {
            tracing::error!(
                rule,
                days_left,
                "a rule on trial admits what it would deny, and is enforced within a week"
            );
        } else {
            tracing::warn!(rule, days_left, "a rule on trial admits what it would deny");
        }
    }
}

/// Reports the rules on trial once a day. Never ends.
pub(crate) async fn report_daily(current: &Current<Authorizer>) -> Infallible {
    loop {
        tokio::time::sleep(DAY).await;
        report(current.load().authorizer().rules());
    }
}
