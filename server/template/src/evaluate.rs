//! Walks a template's tags and writes its SQL.

mod expressions;
mod items;

use std::sync::Arc;

use super::expression::{BinaryOperator, Expr, Statement, Target};
use super::fault::{Fault, Outcome};
use super::functions::{Effects, ParameterType};
use super::limits::Budget;
use super::parameters::Parameters;
use super::print::Output;
use super::syntax::{self, Handler, Node, Try};
use super::value::{List, Value};
use super::{Program, RenderContext, StandIns};

/// What happened to the body of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// One rendering.
#[derive(Debug)]
pub(super) struct Evaluator<'p> {
    program: &'p Program,
    pub(super) context: &'p RenderContext,
    /// The variables by slot; nothing where none has been given.
    slots: Vec<Option<Value>>,
    pub(super) output: Output,
    pub(super) effects: Effects,
    pub(super) budget: Budget,
    /// Whether a stand-in was used.
    pub(super) stands_in: bool,
}

impl<'p> Evaluator<'p> {
    pub(super) fn new(program: &'p Program, context: &'p RenderContext) -> Self {
        Self {
            program,
            context,
            slots: vec![None; program.names.len()],
            output: Output::new(program.text_length + program.text_length / 2 + 64),
            effects: Effects::default(),
            budget: Budget::new(context.limits),
            stands_in: false,
        }
    }

    /// Renders the whole template.
    pub(super) fn run(&mut self, parameters: &Parameters) -> Outcome<()> {
        if !self.is_validating() {
            self.bind_parameters(parameters)?;
        }
        self.render(&self.program.nodes).map(drop)
    }

    /// Gives the template's variables their values. What is declared as an
    /// array anywhere becomes a list, so that tags can loop over it.
    fn bind_parameters(&mut self, parameters: &Parameters) -> Outcome<()> {
        for (slot, name) in self.program.names.iter().enumerate() {
            if let Some(parameter) = parameters.get(name) {
                self.slots[slot] = Some(parameter.to_value()?);
            } else if &**name == "job_timestamp" {
                self.slots[slot] = self.context.job_timestamp.as_ref().map(Value::str);
            }
        }
        for (slot, item_type) in &self.program.arrays {
            self.convert_array(*slot, item_type)?;
        }
        Ok(())
    }

    fn convert_array(&mut self, slot: usize, item_type: &'static ParameterType) -> Outcome<()> {
        if let Some(value @ (Value::Str(_) | Value::List(_))) = self.slots[slot].clone() {
            let items = self.read_array(item_type, &value);
            let items = items.map_err(|fault| {
                fault.of_parameter(&self.program.names[slot], &item_type.described(true))
            })?;
            self.slots[slot] = Some(Value::List(Arc::new(List::new(items)?)));
        }
        Ok(())
    }

    /// Whether parameters are only stood in for.
    pub(super) fn is_validating(&self) -> bool {
        self.context.stand_ins != StandIns::None
    }

    /// The error text for a parameter nobody gave.
    pub(super) fn missing_message(&self) -> String {
        self.program.missing_message.clone()
    }

    fn render(&mut self, nodes: &'p [Node]) -> Outcome<Flow> {
        for node in nodes {
            let flow = self.render_node(node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn render_node(&mut self, node: &'p Node) -> Outcome<Flow> {
        match node {
            Node::Text(text) => {
                self.budget.charge(text.len())?;
                self.output.push_text(text, &self.budget)?;
            }
            Node::Output(output) => {
                let result = self.print(output).map_err(|fault| fault.at(output.line));
                if !self.is_tolerated(&result) {
                    result?;
                }
            }
            Node::If {
                branches,
                otherwise,
            } => {
                for branch in branches {
                    let test = self
                        .evaluate(&branch.test)
                        .map_err(|fault| fault.at(branch.line))?;
                    if test.is_true() {
                        return self.render(&branch.body);
                    }
                }
                return self.render(otherwise);
            }
            Node::For {
                target,
                iterable,
                body,
                otherwise,
                line,
            } => {
                let items = self
                    .evaluate(iterable)
                    .and_then(|value| self.items_of(&value))
                    .map_err(|fault| fault.at(*line))?;
                for item in items {
                    self.budget.step().map_err(|fault| fault.at(*line))?;
                    self.assign(target, item).map_err(|fault| fault.at(*line))?;
                    match self.render(body)? {
                        Flow::Break => return Ok(Flow::Next),
                        Flow::Next | Flow::Continue => {}
                    }
                }
                return self.render(otherwise);
            }
            Node::While {
                test,
                body,
                otherwise,
                line,
            } => {
                while self
                    .evaluate(test)
                    .map_err(|fault| fault.at(*line))?
                    .is_true()
                {
                    self.budget.step().map_err(|fault| fault.at(*line))?;
                    match self.render(body)? {
                        Flow::Break => return Ok(Flow::Next),
                        Flow::Next | Flow::Continue => {}
                    }
                }
                return self.render(otherwise);
            }
            Node::Set { statement, line } => {
                let result = self.execute(statement).map_err(|fault| fault.at(*line));
                if !self.is_tolerated(&result) {
                    result?;
                }
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::Try(attempt) => return self.attempt(attempt),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, output: &'p syntax::Output) -> Outcome<()> {
        let value = self.evaluate(&output.expr)?;
        if value.is_none() {
            let mut shown: String = output.source.chars().take(20).collect();
            if shown.len() < output.source.len() {
                shown.push_str("...");
            }
            return Err(Fault::template(format!(
                "expression \"{shown}\" evaluated to null"
            )));
        }
        self.output.push_value(&value, &mut self.budget)
    }

    /// During validation the stand-ins may not fit; only limits count then.
    fn is_tolerated<T>(&self, result: &Outcome<T>) -> bool {
        self.is_validating()
            && result
                .as_ref()
                .is_err_and(|fault| fault.class() != super::fault::Class::Limit)
    }

    fn attempt(&mut self, attempt: &'p Try) -> Outcome<Flow> {
        let result = match self.render(&attempt.body) {
            Ok(Flow::Next) => self.render(&attempt.otherwise),
            Ok(flow) => Ok(flow),
            Err(fault) => match attempt
                .handlers
                .iter()
                .find(|handler| catches(handler, &fault))
            {
                Some(handler) => {
                    if let Some(name) = &handler.name {
                        self.slots[name.slot] = Some(Value::str(fault.message()));
                    }
                    self.render(&handler.body)
                }
                None => Err(fault),
            },
        };
        match self.render(&attempt.finally)? {
            Flow::Next => result,
            flow => Ok(flow),
        }
    }

    fn execute(&mut self, statement: &'p Statement) -> Outcome<()> {
        match statement {
            Statement::Assign(target, expr) => {
                let value = self.evaluate(expr)?;
                self.assign(target, value)
            }
            Statement::Augment(target, operator, expr) => {
                let operand = self.evaluate(expr)?;
                self.augment(target, *operator, operand)
            }
            Statement::Evaluate(expr) => self.evaluate(expr).map(drop),
        }
    }

    /// Gives `value` to a target.
    pub(super) fn assign(&mut self, target: &Target, value: Value) -> Outcome<()> {
        match target {
            Target::Name(name) => {
                self.slots[name.slot] = Some(value);
                Ok(())
            }
            Target::Several(targets) => {
                let items = match value {
                    Value::Placeholder => vec![Value::Placeholder; targets.len()],
                    value => self.items_of(&value)?,
                };
                let (expected, found) = (targets.len(), items.len());
                if found < expected {
                    let message =
                        format!("not enough values to unpack (expected {expected}, got {found})");
                    return Err(Fault::value_error(message));
                }
                if found > expected {
                    return Err(Fault::value_error(format!(
                        "too many values to unpack (expected {expected})"
                    )));
                }
                targets
                    .iter()
                    .zip(items)
                    .try_for_each(|(target, item)| self.assign(target, item))
            }
            Target::Item(collection, key) => {
                let key = self.evaluate(key)?;
                self.alter(collection, &mut |evaluator, container| {
                    evaluator.set_item(container, &key, value.clone())
                })
            }
        }
    }

    fn augment(
        &mut self,
        target: &Target,
        operator: BinaryOperator,
        operand: Value,
    ) -> Outcome<()> {
        match target {
            Target::Name(name) => {
                let before = self.variable(name.slot);
                let after = self.binary(&before, operator, &operand)?;
                self.slots[name.slot] = Some(after);
                Ok(())
            }
            Target::Item(collection, key) => {
                let container = self.evaluate(collection)?;
                let key = self.evaluate(key)?;
                let before = self.item(&container, &key)?;
                let after = self.binary(&before, operator, &operand)?;
                self.alter(collection, &mut |evaluator, container| {
                    evaluator.set_item(container, &key, after.clone())
                })
            }
            Target::Several(_) => Err(Fault::type_error(
                "several names cannot be changed by one operator",
            )),
        }
    }

    /// A variable's value; null, or a stand-in, when it has none.
    pub(super) fn variable(&mut self, slot: usize) -> Value {
        match &self.slots[slot] {
            Some(value) => value.clone(),
            None if self.is_validating() => {
                self.stands_in = true;
                Value::Placeholder
            }
            None => Value::None,
        }
    }

    pub(super) fn has_variable(&self, slot: usize) -> bool {
        self.slots[slot].is_some()
    }

    /// Replaces a variable and returns what it was.
    pub(super) fn replace_variable(&mut self, slot: usize, value: Option<Value>) -> Option<Value> {
        std::mem::replace(&mut self.slots[slot], value)
    }

    /// What `for` sees in a value.
    pub(super) fn items_of(&mut self, value: &Value) -> Outcome<Vec<Value>> {
        let items: Vec<Value> = match value {
            Value::List(items) | Value::Tuple(items) => items.to_vec(),
            Value::Set(items) => items.iter().map(|key| key.0.clone()).collect(),
            Value::Dict(entries) => entries.keys().map(|key| key.0.clone()).collect(),
            Value::Str(text) => {
                self.budget.steps(text.len())?;
                text.chars()
                    .map(|found| Value::str(found.encode_utf8(&mut [0; 4])))
                    .collect()
            }
            Value::Placeholder => vec![Value::Placeholder; 3],
            other => {
                return Err(Fault::type_error(format!(
                    "'{}' object is not iterable",
                    other.type_name()
                )));
            }
        };
        self.budget.steps(items.len())?;
        Ok(items)
    }

    /// Changes the value an expression names, where it stands. The value of
    /// any other expression is changed and forgotten.
    pub(super) fn alter<T>(
        &mut self,
        place: &Expr,
        change: &mut dyn FnMut(&mut Self, &mut Value) -> Outcome<T>,
    ) -> Outcome<T> {
        self.budget.step()?;
        match place {
            Expr::Name(name) => {
                let mut value = self.variable(name.slot);
                // The variable lets go, so that its value is changed in place.
                let before = self.replace_variable(name.slot, None);
                let had_value = before.is_some();
                drop(before);
                let result = change(self, &mut value);
                self.slots[name.slot] = had_value.then_some(value);
                result
            }
            Expr::Subscript(collection, key) if !matches!(**key, Expr::Slice(..)) => {
                let key = self.evaluate(key)?;
                self.alter(collection, &mut |evaluator, container| {
                    evaluator.alter_item(container, &key, change)
                })
            }
            other => {
                let mut value = self.evaluate(other)?;
                change(self, &mut value)
            }
        }
    }
}

fn catches(handler: &Handler, fault: &Fault) -> bool {
    let class = fault.class();
    match handler.classes.is_empty() {
        true => class.is_caught_by("Exception"),
        false => handler.classes.iter().any(|name| class.is_caught_by(name)),
    }
}
