//! Evaluation held against the evaluator of the library `cel` on generated expressions: both must agree on true, false
//! and failure.

use std::collections::HashMap;

use cel::objects::{Key, Map};
use cel::{Context, Program, Value};

use super::subject::Subject;
use crate::expression::failure::EvaluationFailure;

const CLAIMS: &str = r#"{"i":3,"z":0,"n":-7,"f":2.5,"s":"abc","e":"","t":true,"l":[1,2,3],"m":["a","b",""],
    "o":{"x":1,"y":"z","l":[true,false]}}"#;

#[derive(Clone, Copy)]
enum Evaluated {
    Bool(bool),
    Fails,
}

struct Generator(u64);

impl Generator {
    fn next(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }

    fn pick(&mut self, texts: &[&str]) -> String {
        let index = self.next(texts.len());
        texts[index].to_owned()
    }

    fn boolean(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.pick(&[
                "true",
                "false",
                "claims.t",
                "has(claims.absent)",
                "has(claims.o.x)",
            ]);
        }
        let d = depth - 1;
        match self.next(13) {
            0 => format!("({} && {})", self.boolean(d), self.boolean(d)),
            1 => format!("({} || {})", self.boolean(d), self.boolean(d)),
            2 => format!("!{}", self.boolean(d)),
            3 => {
                let operator = self.pick(&["==", "!=", "<", "<=", ">", ">="]);
                format!("({} {operator} {})", self.number(d), self.number(d))
            }
            4 => {
                let operator = self.pick(&["==", "!=", "<", ">="]);
                format!("({} {operator} {})", self.text(d), self.text(d))
            }
            5 => format!("({} in {})", self.number(d), self.numbers(d)),
            6 => {
                let quantifier = self.pick(&["all", "exists", "exists_one"]);
                let operator = self.pick(&["==", ">", "<"]);
                format!(
                    "{}.{quantifier}(v, v {operator} {})",
                    self.numbers(d),
                    self.number(d)
                )
            }
            7 => {
                let function = self.pick(&["startsWith", "endsWith", "contains"]);
                format!("{}.{function}({})", self.text(d), self.text(d))
            }
            8 => format!("({} == {})", self.numbers(d), self.numbers(d)),
            9 => format!(
                "({} ? {} : {})",
                self.boolean(d),
                self.boolean(d),
                self.boolean(d)
            ),
            10 => format!(
                "(claims.absent == {} || {})",
                self.number(d),
                self.boolean(d)
            ),
            11 => format!(
                "claims.m.{}(v, v.size() > {} || claims.absent)",
                self.pick(&["all", "exists"]),
                self.number(d)
            ),
            _ => format!(
                "{}.matches('{}')",
                self.text(d),
                self.pick(&["^a", "b?c$", "[a-z]+", "^$"])
            ),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.pick(&[
                "0",
                "1",
                "3",
                "-7",
                "2.5",
                "1.0",
                "claims.i",
                "claims.z",
                "claims.n",
                "claims.f",
                "claims.o.x",
            ]);
        }
        let d = depth - 1;
        match self.next(6) {
            0 => {
                let operator = self.pick(&["+", "-", "*", "/", "%"]);
                format!("({} {operator} {})", self.number(d), self.number(d))
            }
            1 => format!("size({})", self.text(d)),
            2 => format!("{}.size()", self.numbers(d)),
            3 => format!(
                "{}[{}]",
                self.numbers(d),
                self.pick(&["0", "1", "2", "7", "-1"])
            ),
            4 => format!("int({})", self.number(d)),
            _ => self.number(0),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.pick(&[
                "'a'",
                "'abc'",
                "''",
                "claims.s",
                "claims.e",
                "claims.o.y",
                "claims.m[1]",
            ]);
        }
        let d = depth - 1;
        match self.next(3) {
            0 => format!("({} + {})", self.text(d), self.text(d)),
            1 => format!(
                "string({})",
                self.pick(&["1", "claims.i", "true", "claims.s", "2.5"])
            ),
            _ => self.text(0),
        }
    }

    fn numbers(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.pick(&["claims.l", "[1, 2, 3]", "[]", "[1.0, 2]"]);
        }
        let d = depth - 1;
        match self.next(4) {
            0 => format!("{}.map(w, w + {})", self.numbers(d), self.number(d)),
            1 => format!("{}.filter(w, w != {})", self.numbers(d), self.number(d)),
            2 => format!("({} + {})", self.numbers(d), self.numbers(d)),
            _ => self.numbers(0),
        }
    }
}

fn of_library(text: &str, claims: &Value) -> Evaluated {
    let mut context = Context::default();
    context.add_variable_from_value("claims", claims.clone());
    match Program::compile(text).expect(text).execute(&context) {
        Ok(Value::Bool(flag)) => Evaluated::Bool(flag),
        _ => Evaluated::Fails,
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::Int(integer),
            None => Value::Float(number.as_f64().expect("is a number")),
        },
        serde_json::Value::String(text) => Value::String(text.clone().into()),
        serde_json::Value::Array(elements) => {
            Value::List(elements.iter().map(value).collect::<Vec<_>>().into())
        }
        serde_json::Value::Object(members) => {
            let members: HashMap<Key, Value> = members
                .iter()
                .map(|(name, member)| (Key::String(name.clone().into()), value(member)))
                .collect();
            Value::Map(Map {
                map: members.into(),
            })
        }
    }
}

#[test]
fn evaluation_agrees_with_the_library() {
    let claims = value(&serde_json::from_str(CLAIMS).expect("is JSON"));
    let subject = Subject {
        claims: Some(CLAIMS),
        ..Subject::default()
    };
    let mut generator = Generator(42);
    let (mut held, mut failed) = (0, 0);
    for _ in 0..1_500 {
        let depth = 1 + generator.next(3);
        let text = generator.boolean(depth);
        let own = match subject.evaluate(&text).0 {
            Ok(()) => Evaluated::Bool(true),
            Err(EvaluationFailure::False) => Evaluated::Bool(false),
            Err(_) => Evaluated::Fails,
        };
        match (own, of_library(&text, &claims)) {
            (Evaluated::Bool(own), Evaluated::Bool(library)) if own == library => held += 1,
            (Evaluated::Fails, Evaluated::Fails) => failed += 1,
            _ => panic!("{text}: {:?}", subject.evaluate(&text).0),
        }
    }
    assert!(held > 300 && failed > 100, "{held} {failed}");
}
