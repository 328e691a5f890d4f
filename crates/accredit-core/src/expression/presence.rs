//! The claims whose presence an expression tests.
//!
//! In accredit a claim that is `null` is absent (CONTRACT 4.4.2). Elsewhere it is present, so an expression of another tool that
//! tests whether a claim is there can have another result. A claim whose value is read makes no such difference: where the
//! other tool reads `null`, the evaluation fails here.

use std::thread;

use cel::Program;
use cel::common::ast::{CallExpr, EntryExpr, Expr, operators};

use crate::expression::header_names::literal_text;
use crate::expression::{MAX_LENGTH, PARSER_STACK};

/// How an expression tests the presence of claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PresenceTests {
    /// The claims that the expression needs anyway, because `has(claims.NAME)` is one of the parts that `&&` joins.
    pub needed: Vec<String>,
    /// The other claims whose presence it tests.
    pub tested: Vec<String>,
    /// Whether it uses `claims` as a whole, so that every claim that is there can count.
    pub uses_all_claims: bool,
}

/// `None` if the text is not a CEL expression.
pub fn presence_tests(text: &str) -> Option<PresenceTests> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    thread::scope(|scope| {
        let parser = thread::Builder::new()
            .stack_size(PARSER_STACK)
            .spawn_scoped(scope, || {
                let parsed = Program::compile(text).ok()?;
                let mut tests = PresenceTests::default();
                tests.conjunct(&parsed.expression().expr);
                let PresenceTests { needed, tested, .. } = &mut tests;
                tested.retain(|name| !needed.contains(name));
                Some(tests)
            });
        parser.ok()?.join().ok().flatten()
    })
}

impl PresenceTests {
    fn conjunct(&mut self, expression: &Expr) {
        match expression {
            Expr::Call(call) if call.func_name == operators::LOGICAL_AND => {
                call.args.iter().for_each(|part| self.conjunct(&part.expr));
            }
            Expr::Select(select) if select.test && is_claims(&select.operand.expr) => {
                self.needed.push(select.field.clone());
            }
            other => self.visit(other),
        }
    }

    fn visit(&mut self, expression: &Expr) {
        match expression {
            // A variable of a comprehension with this name is taken for the claims. That is only too careful.
            expression if is_claims(expression) => self.uses_all_claims = true,
            Expr::Select(select) if is_claims(&select.operand.expr) => {
                if select.test {
                    self.test(&select.field);
                }
            }
            Expr::Select(select) => self.visit(&select.operand.expr),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.elements.iter().for_each(|own| self.visit(&own.expr)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    self.visit(&entry.key.expr);
                    self.visit(&entry.value.expr);
                }
            }),
            Expr::Comprehension(own) => [
                &own.iter_range,
                &own.accu_init,
                &own.loop_cond,
                &own.loop_step,
                &own.result,
            ]
            .iter()
            .for_each(|part| self.visit(&part.expr)),
            Expr::Literal(_) | Expr::Ident(_) | Expr::Struct(_) | Expr::Unspecified => {}
        }
    }

    fn call(&mut self, call: &CallExpr) {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::INDEX, [operand, index]) if is_claims(&operand.expr) => {
                self.visit(&index.expr);
            }
            (operators::IN, [name, operand]) if is_claims(&operand.expr) => {
                match literal_text(name) {
                    Some(name) => self.test(name),
                    None => self.uses_all_claims = true,
                }
            }
            _ => call
                .target
                .as_deref()
                .into_iter()
                .chain(&call.args)
                .for_each(|part| self.visit(&part.expr)),
        }
    }

    fn test(&mut self, name: &str) {
        if !self.tested.iter().any(|own| own == name) {
            self.tested.push(name.to_owned());
        }
    }
}

fn is_claims(expression: &Expr) -> bool {
    matches!(expression, Expr::Ident(name) if name == "claims" || name == ".claims")
}

#[cfg(test)]
mod tests {
    use super::{PresenceTests, presence_tests};

    #[test]
    fn tests_of_presence_are_found_wherever_they_are() {
        for (text, needed, tested, uses_all_claims) in [
            ("claims.a == 1 && claims['b'].c == 2", "", "", false),
            ("has(claims.a) && claims.a == 1", "a", "", false),
            ("has(claims.a) && !has(claims.a)", "a", "", false),
            ("has(claims.a.b) && has(claims['a'].b)", "", "", false),
            ("!has(claims.a)", "", "a", false),
            ("!has(claims.a) || claims.a == 1", "", "a", false),
            ("has(claims.a) ? claims.a : has(claims.b)", "", "a,b", false),
            ("'a' in claims || 'b' in .claims", "", "a,b", false),
            ("[1].all(x, [has(claims.a)][0])", "", "a", false),
            ("{'k': has(claims.a)}['k']", "", "a", false),
            ("size(claims) == 3", "", "", true),
            ("claims.all(name, name != 'a')", "", "", true),
            ("claims.b in claims", "", "", true),
            ("claims == {'a': 1}", "", "", true),
        ] {
            let list = |names: &str| -> Vec<String> {
                let names = names.split(',').filter(|name| !name.is_empty());
                names.map(str::to_owned).collect()
            };
            let expected = PresenceTests {
                needed: list(needed),
                tested: list(tested),
                uses_all_claims,
            };
            assert_eq!(presence_tests(text), Some(expected), "{text}");
        }
        assert_eq!(presence_tests("claims."), None);
    }
}
