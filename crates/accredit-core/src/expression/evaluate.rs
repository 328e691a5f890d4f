//! Evaluation of a program, counted in steps and bytes.

use crate::expression::budget::{EvaluationBudget, MAX_MEMBERS};
use crate::expression::failure::EvaluationFailure;
use crate::expression::functions;
use crate::expression::operations::{self, mismatch};
use crate::expression::program::{Comprehension, Node, Operator, Quantifier};
use crate::expression::value::{Evaluated, List, Map, Value};
use crate::expression::variables::Variables;

/// One evaluation.
pub struct Evaluation<'a> {
    variables: &'a Variables<'a>,
    /// The values of the variables of comprehensions, the outermost first.
    locals: Vec<Value<'a>>,
    budget: EvaluationBudget,
}

impl<'a> Evaluation<'a> {
    pub fn new(variables: &'a Variables<'a>) -> Evaluation<'a> {
        Evaluation {
            variables,
            locals: Vec::new(),
            budget: EvaluationBudget::new(),
        }
    }

    /// The steps that were used.
    pub fn steps(&self) -> usize {
        self.budget.used()
    }

    /// Evaluates a condition.
    ///
    /// # Errors
    /// Why it does not hold.
    pub fn condition(&mut self, program: &'a Node) -> Result<(), EvaluationFailure> {
        match self.node(program)? {
            Value::Bool(true) => Ok(()),
            Value::Bool(false) => Err(EvaluationFailure::False),
            other => Err(EvaluationFailure::NotBoolean(other.type_name())),
        }
    }

    /// Evaluates an expression of any type.
    ///
    /// # Errors
    /// [`EvaluationFailure`]
    pub fn value(&mut self, program: &'a Node) -> Evaluated<'a> {
        self.node(program)
    }

    fn node(&mut self, node: &'a Node) -> Evaluated<'a> {
        self.budget.spend(1)?;
        match node {
            Node::Literal(literal) => Ok(literal.value()),
            Node::Variable(variable) => self.variables.value(*variable, &mut self.budget),
            Node::Local(slot) => self
                .locals
                .get(*slot)
                .cloned()
                .ok_or(EvaluationFailure::Value("a variable is not set")),
            Node::Member {
                operand,
                name,
                path,
            } => match self.node(operand)? {
                Value::Map(map) => map
                    .get(name, &mut self.budget)?
                    .ok_or_else(|| EvaluationFailure::Absent(path.clone())),
                other => Err(mismatch("a member", &[&other])),
            },
            Node::Has { operand, name } => match self.node(operand)? {
                Value::Map(map) => Ok(Value::Bool(map.get(name, &mut self.budget)?.is_some())),
                other => Err(mismatch("`has`", &[&other])),
            },
            Node::Index(operands) => self.index(operands),
            Node::List(elements) => {
                self.budget
                    .allocate(elements.len() * size_of::<Value<'_>>())?;
                let values = elements
                    .iter()
                    .map(|element| self.node(element))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(Value::List(List::Built(values.into())))
            }
            Node::Map(entries) => self.map(entries),
            Node::And(operands) => self.chain(operands, false),
            Node::Or(operands) => self.chain(operands, true),
            Node::Not(operand) => match self.node(operand)? {
                Value::Bool(flag) => Ok(Value::Bool(!flag)),
                other => Err(mismatch("`!`", &[&other])),
            },
            Node::Negate(operand) => operations::negate(&self.node(operand)?),
            Node::Conditional(parts) => {
                let [condition, yes, no] = &**parts;
                match self.node(condition)? {
                    Value::Bool(true) => self.node(yes),
                    Value::Bool(false) => self.node(no),
                    other => Err(mismatch("`? :`", &[&other])),
                }
            }
            Node::Binary(operator, operands) => {
                let [left, right] = &**operands;
                let (left, right) = (self.node(left)?, self.node(right)?);
                self.binary(*operator, &left, &right)
            }
            Node::Call(function, arguments) => {
                let arguments = arguments
                    .iter()
                    .map(|argument| self.node(argument))
                    .collect::<Result<Vec<_>, _>>()?;
                functions::call(*function, &arguments, &mut self.budget)
            }
            Node::Matches(text, regex) => match self.node(text)? {
                Value::Text(text) => Ok(Value::Bool(regex.is_match(&text, &mut self.budget)?)),
                other => Err(mismatch("`matches`", &[&other])),
            },
            Node::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    fn binary(&mut self, operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Evaluated<'a> {
        match operator {
            Operator::Equal => operations::equal(left, right, &mut self.budget).map(Value::Bool),
            Operator::NotEqual => {
                operations::equal(left, right, &mut self.budget).map(|equal| Value::Bool(!equal))
            }
            Operator::In => operations::contains(right, left, &mut self.budget).map(Value::Bool),
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => {
                operations::compare(operator, left, right, &mut self.budget).map(Value::Bool)
            }
            _ => operations::arithmetic(operator, left, right, &mut self.budget),
        }
    }

    fn index(&mut self, operands: &'a [Node; 2]) -> Evaluated<'a> {
        let [operand, index] = operands;
        let (operand, index) = (self.node(operand)?, self.node(index)?);
        match (&operand, &index) {
            (Value::Map(map), key) => operations::lookup(map, key, &mut self.budget)?
                .ok_or_else(|| EvaluationFailure::Absent("an index".into())),
            (Value::List(list), index) => operations::whole_number(index)
                .ok_or_else(|| mismatch("an index", &[&operand, index]))
                .and_then(|index| {
                    let out_of_range = EvaluationFailure::Value("an index is out of range");
                    let Ok(index) = usize::try_from(index) else {
                        return Err(out_of_range);
                    };
                    self.budget.spend(list.steps_to(index) / 8)?;
                    list.get(index).ok_or(out_of_range)
                }),
            (other, index) => Err(mismatch("an index", &[other, index])),
        }
    }

    fn map(&mut self, entries: &'a [[Node; 2]]) -> Evaluated<'a> {
        self.budget
            .allocate(entries.len() * 2 * size_of::<Value<'_>>())?;
        let mut members: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for [key, value] in entries {
            let key = self.node(key)?;
            if !matches!(
                key,
                Value::Text(_) | Value::Int(_) | Value::Uint(_) | Value::Bool(_)
            ) {
                return Err(mismatch("a key", &[&key]));
            }
            for (own, _) in &members {
                if operations::equal(own, &key, &mut self.budget)? {
                    return Err(EvaluationFailure::Value("a map has a key twice"));
                }
            }
            let value = self.node(value)?;
            members.push((key, value));
        }
        Ok(Value::Map(Map::Built(members.into())))
    }

    /// `&&` and `||`: one operand with the deciding value decides, whatever fails beside it.
    fn chain(&mut self, operands: &'a [Node], deciding: bool) -> Evaluated<'a> {
        let mut pending = None;
        for operand in operands {
            match self.node(operand) {
                Ok(Value::Bool(flag)) if flag == deciding => return Ok(Value::Bool(deciding)),
                Ok(Value::Bool(_)) => {}
                Ok(other) => {
                    let operation = if deciding { "`||`" } else { "`&&`" };
                    pending.get_or_insert(mismatch(operation, &[&other]));
                }
                Err(failure) if failure.is_final() => return Err(failure),
                Err(failure) => {
                    pending.get_or_insert(failure);
                }
            }
        }
        pending.map_or(Ok(Value::Bool(!deciding)), Err)
    }

    fn comprehension(&mut self, comprehension: &'a Comprehension) -> Evaluated<'a> {
        let members = self.members(&comprehension.range)?;
        let mut collected = Vec::new();
        let mut matches = 0;
        let mut pending = None;
        for member in members {
            self.locals.push(member);
            let guard = match &comprehension.guard {
                Some(guard) => self.node(guard),
                None => Ok(Value::Bool(true)),
            };
            let body = match guard {
                Ok(Value::Bool(true)) => self.node(&comprehension.body).map(Some),
                Ok(Value::Bool(false)) => Ok(None),
                Ok(other) => Err(mismatch("a comprehension", &[&other])),
                Err(failure) => Err(failure),
            };
            self.locals.pop();
            match (comprehension.kind, body) {
                (_, Err(failure)) if failure.is_final() => return Err(failure),
                (Quantifier::Collect, Ok(element)) => {
                    if let Some(element) = element {
                        self.budget.allocate(size_of::<Value<'_>>())?;
                        collected.push(element);
                    }
                }
                (Quantifier::All, Ok(Some(Value::Bool(false)))) => return Ok(Value::Bool(false)),
                (Quantifier::Exists, Ok(Some(Value::Bool(true)))) => return Ok(Value::Bool(true)),
                (Quantifier::ExistsOne, Ok(Some(Value::Bool(true)))) => matches += 1,
                (_, Ok(Some(Value::Bool(_)) | None)) => {}
                // A later member can still decide `all` and `exists`.
                (Quantifier::All | Quantifier::Exists, Ok(Some(other))) => {
                    pending.get_or_insert(mismatch("a comprehension", &[&other]));
                }
                (Quantifier::All | Quantifier::Exists, Err(failure)) => {
                    pending.get_or_insert(failure);
                }
                (_, Ok(Some(other))) => return Err(mismatch("a comprehension", &[&other])),
                (_, Err(failure)) => return Err(failure),
            }
        }
        if let Some(failure) = pending {
            return Err(failure);
        }
        Ok(match comprehension.kind {
            Quantifier::All => Value::Bool(true),
            Quantifier::Exists => Value::Bool(false),
            Quantifier::ExistsOne => Value::Bool(matches == 1),
            Quantifier::Collect => Value::List(List::Built(collected.into())),
        })
    }

    /// The members of a range: elements of a list, keys of a map.
    fn members(&mut self, range: &'a Node) -> Result<Vec<Value<'a>>, EvaluationFailure> {
        let range = self.node(range)?;
        let count = match &range {
            Value::List(list) => list.len(),
            Value::Map(map) => {
                self.budget.spend(1 + map.width() / 8)?;
                map.len()
            }
            other => return Err(mismatch("a comprehension", &[other])),
        };
        if count > MAX_MEMBERS {
            return Err(EvaluationFailure::TooManyMembers);
        }
        match range {
            Value::Map(map) => map.keys(&mut self.budget),
            Value::List(list) => {
                self.budget.allocate(count * size_of::<Value<'_>>())?;
                Ok(list.iter().collect())
            }
            _ => Ok(Vec::new()),
        }
    }
}
