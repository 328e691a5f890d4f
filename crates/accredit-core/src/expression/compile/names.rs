//! The names of an expression: what variable, member, type or local variable each stands for. A name that is not declared is an
//! error, and the members of a request that an expression names are recorded.

use cel::IdedExpr;
use cel::common::ast::{Expr, SelectExpr};

use crate::expression::ExpressionError;
use crate::expression::compile::Compiler;
use crate::expression::header_names::{literal_text, refuse_upper_case};
use crate::expression::program::{Literal, Node};
use crate::expression::syntax::describe;
use crate::expression::variables::{REQUEST_MEMBERS, SOURCE_MEMBERS, Variable};

/// Types are names too: `type(claims.n) == int`.
const TYPE_NAMES: [&str; 10] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
];

impl Compiler<'_, '_> {
    pub(super) fn name(&mut self, name: &str) -> Result<Node, ExpressionError> {
        if let Some(slot) = self.locals.iter().rposition(|local| local == name) {
            return Ok(Node::Local(slot));
        }
        // `.claims` is the variable `claims` even where a comprehension has a variable of that name.
        let bare = name.strip_prefix('.').unwrap_or(name);
        if let Some(name) = TYPE_NAMES.into_iter().find(|own| *own == bare) {
            return Ok(Node::Literal(Literal::Type(name)));
        }
        if bare == "env" {
            let members = self.meter.store().env_members();
            return Ok(Node::Literal(Literal::Texts(members.clone())));
        }
        let variable = self.variable(bare, name)?;
        // Used as a whole, `request` and `source` can yield each of their members.
        self.reads.add_variable(variable);
        match variable {
            Variable::Request => self.reads.add_whole_request(),
            Variable::Source => self.reads.add_whole_source(),
            _ => {}
        }
        Ok(Node::Variable(variable))
    }

    pub(super) fn select(&mut self, select: &SelectExpr) -> Result<Node, ExpressionError> {
        refuse_upper_case(&select.operand.expr, &select.field)?;
        let name: Box<str> = select.field.as_str().into();
        let operand = self.operand(&select.operand, &select.field)?;
        if select.test {
            return Ok(Node::Has {
                operand: Box::new(operand),
                name,
            });
        }
        let path = describe(&Expr::Select(select.clone()));
        self.meter.spend(name.len() + path.len())?;
        Ok(Node::Member {
            operand: Box::new(operand),
            name,
            path,
        })
    }

    /// What a member with this name is read of.
    fn operand(&mut self, operand: &IdedExpr, member: &str) -> Result<Node, ExpressionError> {
        match &operand.expr {
            Expr::Ident(name) if !self.locals.contains(name) => {
                self.member_of_variable(name, member)
            }
            _ => self.node(operand),
        }
    }

    /// A variable of which one member is read by its name.
    fn member_of_variable(&mut self, name: &str, member: &str) -> Result<Node, ExpressionError> {
        let bare = name.strip_prefix('.').unwrap_or(name);
        let members = match bare {
            "request" => REQUEST_MEMBERS,
            "source" => SOURCE_MEMBERS,
            "env" if self.meter.store().env().contains_key(member) => return self.name(name),
            "env" => return Err(ExpressionError::UndeclaredEnv(member.to_owned())),
            _ if TYPE_NAMES.contains(&bare) => return Err(self.undeclared(name)),
            _ => return self.name(name),
        };
        let variable = self.variable(bare, name)?;
        if !members.contains(&member) {
            return Err(ExpressionError::UndeclaredMember(format!(
                "{bare}.{member}"
            )));
        }
        self.reads.add_variable(variable);
        match variable {
            Variable::Request => self.reads.add_request_member(member),
            Variable::Source => self.reads.add_source_member(member),
            _ => {}
        }
        Ok(Node::Variable(variable))
    }

    fn variable(&self, bare: &str, name: &str) -> Result<Variable, ExpressionError> {
        self.variables
            .variable(bare)
            .ok_or_else(|| self.undeclared(name))
    }

    fn undeclared(&self, name: &str) -> ExpressionError {
        ExpressionError::UndeclaredName(name.to_owned(), self.variables)
    }

    pub(super) fn index(
        &mut self,
        operand: &IdedExpr,
        index: &IdedExpr,
    ) -> Result<Node, ExpressionError> {
        let Some(name) = literal_text(index) else {
            let operand = self.node(operand)?;
            return Ok(Node::Index(Box::new([operand, self.node(index)?])));
        };
        refuse_upper_case(&operand.expr, name)?;
        // An index of `request` counts as a use of the whole (CONTRACT 3.11.5), but the member must exist (3.11.6).
        if let Expr::Ident(own) = &operand.expr
            && !self.locals.contains(own)
        {
            let reads = self.reads;
            self.member_of_variable(own, name)?;
            self.reads = reads;
        }
        let compiled = self.node(operand)?;
        let path = format!("{}[\"{name}\"]", describe(&operand.expr));
        self.meter.spend(name.len() + path.len())?;
        Ok(Node::Member {
            operand: Box::new(compiled),
            name: name.into(),
            path: path.into(),
        })
    }
}
