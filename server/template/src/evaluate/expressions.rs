//! Evaluates expressions.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Evaluator;
use crate::expression::{
    Argument, BinaryOperator, Call, Callee, Clause, Comprehension, ComprehensionKind, Expr,
    FormatPart, Lambda,
};
use crate::fault::{Fault, Outcome};
use crate::functions::{Arguments, Builtin, Function};
use crate::text::format_value;
use crate::value::{Key, Value};
use crate::{methods, operators};

impl Evaluator<'_> {
    /// The value of `expr`.
    pub(crate) fn evaluate(&mut self, expr: &Expr) -> Outcome<Value> {
        self.budget.step()?;
        match expr {
            Expr::Constant(value) => Ok(value.clone()),
            Expr::Name(name) => Ok(self.variable(name.slot)),
            _ => {
                self.budget.enter()?;
                let value = self.compound(expr);
                self.budget.leave();
                value
            }
        }
    }

    fn compound(&mut self, expr: &Expr) -> Outcome<Value> {
        match expr {
            Expr::Constant(_) | Expr::Name(_) => self.evaluate(expr),
            Expr::Format(parts) => self.format(parts).map(Value::str),
            Expr::List(items) => Value::list(self.all(items)?),
            Expr::Tuple(items) => Value::tuple(self.all(items)?),
            Expr::Set(items) => Value::set(self.all(items)?),
            Expr::Dict(entries) => self.dict_display(entries),
            Expr::Unary(operator, operand) => {
                let operand = self.evaluate(operand)?;
                operators::unary(*operator, &operand)
            }
            Expr::Binary(left, operator, right) => {
                let left = self.evaluate(left)?;
                let right = self.evaluate(right)?;
                self.binary(&left, *operator, &right)
            }
            Expr::And(operands) => self.first_that(operands, |value| !value.is_true()),
            Expr::Or(operands) => self.first_that(operands, Value::is_true),
            Expr::Compare(first, rest) => {
                let mut left = self.evaluate(first)?;
                for (comparison, right) in rest {
                    let right = self.evaluate(right)?;
                    self.budget
                        .charge(left.weight().saturating_add(right.weight()))?;
                    if !operators::compare(&left, *comparison, &right)? {
                        return Ok(Value::Bool(false));
                    }
                    left = right;
                }
                Ok(Value::Bool(true))
            }
            Expr::Conditional {
                test,
                then,
                otherwise,
            } => match self.evaluate(test)?.is_true() {
                true => self.evaluate(then),
                false => self.evaluate(otherwise),
            },
            Expr::Call(call) => self.evaluate_call(call),
            Expr::Attribute(receiver, attribute) => {
                let receiver = self.evaluate(receiver)?;
                Err(methods::no_attribute(&receiver, attribute))
            }
            Expr::Subscript(collection, key) => {
                let collection = self.evaluate(collection)?;
                if let Expr::Slice(start, stop, step) = &**key {
                    return self.slice(&collection, [start, stop, step]);
                }
                let key = self.evaluate(key)?;
                self.item(&collection, &key)
            }
            Expr::Slice(..) | Expr::Starred(_) => {
                Err(Fault::type_error("a slice or a star stands alone"))
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Lambda(lambda) => Ok(Value::Lambda(Arc::clone(lambda))),
        }
    }

    fn first_that(&mut self, operands: &[Expr], stops: fn(&Value) -> bool) -> Outcome<Value> {
        let mut value = Value::None;
        for operand in operands {
            value = self.evaluate(operand)?;
            if stops(&value) {
                break;
            }
        }
        Ok(value)
    }

    fn all(&mut self, items: &[Expr]) -> Outcome<Vec<Value>> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Expr::Starred(inner) => {
                    let inner = self.evaluate(inner)?;
                    values.extend(self.items_of(&inner)?);
                }
                item => values.push(self.evaluate(item)?),
            }
        }
        Ok(values)
    }

    fn dict_display(&mut self, entries: &[(Option<Expr>, Expr)]) -> Outcome<Value> {
        let mut items = IndexMap::new();
        for (key, value) in entries {
            let value = self.evaluate(value)?;
            match key {
                Some(key) => {
                    let key = Key::new(self.evaluate(key)?)?;
                    items.insert(key, value);
                }
                None => items.extend(self.mapping(&value)?),
            }
        }
        Value::dict(items)
    }

    fn mapping(&mut self, value: &Value) -> Outcome<Vec<(Key, Value)>> {
        match value {
            Value::Dict(dict) => {
                self.budget.steps(dict.len())?;
                Ok(dict
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect())
            }
            Value::Placeholder => Ok(Vec::new()),
            other => Err(Fault::type_error(format!(
                "'{}' object is not a mapping",
                other.type_name()
            ))),
        }
    }

    /// `left operator right`, paid before it is built.
    pub(crate) fn binary(
        &mut self,
        left: &Value,
        operator: BinaryOperator,
        right: &Value,
    ) -> Outcome<Value> {
        self.budget
            .charge(operators::price(left, operator, right))?;
        operators::binary(left, operator, right)
    }

    /// `left + right`
    pub(crate) fn add(&mut self, left: &Value, right: &Value) -> Outcome<Value> {
        self.binary(left, BinaryOperator::Add, right)
    }

    fn format(&mut self, parts: &[FormatPart]) -> Outcome<String> {
        let mut out = String::new();
        for part in parts {
            match part {
                FormatPart::Text(text) => out.push_str(text),
                FormatPart::Value {
                    expr,
                    conversion,
                    spec,
                } => {
                    let value = self.evaluate(expr)?;
                    self.budget.charge(value.weight())?;
                    let spec = self.format(spec)?;
                    let value = match conversion {
                        Some('r' | 'a') => Value::str(value.repr()),
                        Some(_) => Value::str(value.text()),
                        None => value,
                    };
                    out.push_str(&format_value(&value, &spec)?);
                }
            }
            self.budget.charge(out.len())?;
        }
        Ok(out)
    }

    fn evaluate_call(&mut self, call: &Call) -> Outcome<Value> {
        match &call.callee {
            Callee::Function(function, name) => {
                let stood_in = self.stands_in;
                let arguments = self.arguments(&call.arguments, Some(*function))?;
                let keeps = function.keeps_stand_ins(&arguments);
                let expected = function.expected(&arguments);
                let value = self.call(*function, &name.text, arguments);
                let value = value.map_err(|fault| match (call.arguments.first(), expected) {
                    (Some(Argument::Positional(Expr::Name(parameter))), Some(expected)) => {
                        let is_list = matches!(function, Function::Array);
                        fault.of_parameter(&parameter.text, &expected.described(is_list))
                    }
                    _ => fault,
                });
                self.stands_in = stood_in || (self.stands_in && keeps);
                value
            }
            Callee::Method(receiver, method) if methods::changes(method) => {
                let arguments = self.arguments(&call.arguments, None)?;
                self.alter(receiver, &mut |evaluator, value| {
                    methods::change(evaluator, value, method, &arguments)
                })
            }
            Callee::Method(receiver, method) => {
                let receiver = self.evaluate(receiver)?;
                let arguments = self.arguments(&call.arguments, None)?;
                self.method(&receiver, method, &arguments)
            }
            Callee::Value(callee) => {
                let callee = self.evaluate(callee)?;
                let arguments = self.arguments(&call.arguments, None)?;
                match callee {
                    Value::Lambda(lambda) => self.call_lambda(&lambda, arguments),
                    Value::Function(function) => self.call(function, "function", arguments),
                    other => self.apply(&other, Vec::new()),
                }
            }
        }
    }

    fn arguments(
        &mut self,
        arguments: &[Argument],
        function: Option<Function>,
    ) -> Outcome<Arguments> {
        let mut evaluated = Arguments {
            positional: Vec::with_capacity(arguments.len()),
            keyword: Vec::new(),
        };
        for argument in arguments {
            match argument {
                Argument::Positional(Expr::Starred(inner)) => {
                    let inner = self.evaluate(inner)?;
                    evaluated.positional.extend(self.items_of(&inner)?);
                }
                Argument::Positional(expr) => {
                    let value = match takes_function(function, evaluated.positional.len()) {
                        true => self.function_or_value(expr)?,
                        false => self.evaluate(expr)?,
                    };
                    evaluated.positional.push(value);
                }
                Argument::Keyword(name, expr) => {
                    let value = match &**name {
                        "key" => self.function_or_value(expr)?,
                        _ => self.evaluate(expr)?,
                    };
                    evaluated.keyword.push((Arc::clone(name), value));
                }
                Argument::Unpacked(expr) => {
                    let value = self.evaluate(expr)?;
                    for (key, value) in self.mapping(&value)? {
                        evaluated.keyword.push((Arc::from(key.0.text()), value));
                    }
                }
            }
        }
        Ok(evaluated)
    }

    /// Where a function is expected, a name that nobody gave a value is one.
    fn function_or_value(&mut self, expr: &Expr) -> Outcome<Value> {
        match expr {
            Expr::Name(name) if !self.has_variable(name.slot) => match Function::lookup(&name.text)
            {
                Some(function) => Ok(Value::Function(function)),
                None => self.evaluate(expr),
            },
            Expr::Tuple(items) => Value::tuple(
                items
                    .iter()
                    .map(|item| self.function_or_value(item))
                    .collect::<Outcome<_>>()?,
            ),
            _ => self.evaluate(expr),
        }
    }

    /// Calls a lambda with its parameters bound for the time of the call.
    pub(crate) fn call_lambda(&mut self, lambda: &Lambda, arguments: Arguments) -> Outcome<Value> {
        if lambda.parameters.len() != arguments.positional.len() {
            return Err(Fault::type_error(format!(
                "<lambda>() takes {} positional arguments but {} were given",
                lambda.parameters.len(),
                arguments.positional.len()
            )));
        }
        let bound = lambda.parameters.iter().zip(arguments.positional);
        let before: Vec<_> = bound
            .map(|(name, value)| (name.slot, self.replace_variable(name.slot, Some(value))))
            .collect();
        let result = self.evaluate(&lambda.body);
        for (slot, value) in before {
            self.replace_variable(slot, value);
        }
        result
    }

    fn comprehension(&mut self, comprehension: &Comprehension) -> Outcome<Value> {
        let mut bound = Vec::new();
        for clause in &comprehension.clauses {
            clause.target.names(&mut |name| bound.push(name.slot));
        }
        let before: Vec<_> = bound
            .iter()
            .map(|slot| self.replace_variable(*slot, None))
            .collect();
        let mut rows = Vec::new();
        let result = self.comprehend(comprehension, &comprehension.clauses, &mut rows);
        for (slot, value) in bound.into_iter().zip(before) {
            self.replace_variable(slot, value);
        }
        result?;
        match comprehension.kind {
            ComprehensionKind::List | ComprehensionKind::Generator => {
                Value::list(rows.into_iter().map(|(element, _)| element).collect())
            }
            ComprehensionKind::Set => Value::set(rows.into_iter().map(|(element, _)| element)),
            ComprehensionKind::Dict => {
                let entries = rows
                    .into_iter()
                    .map(|(key, value)| Ok((Key::new(key)?, value)));
                Value::dict(entries.collect::<Outcome<_>>()?)
            }
        }
    }

    fn comprehend(
        &mut self,
        comprehension: &Comprehension,
        clauses: &[Clause],
        rows: &mut Vec<(Value, Value)>,
    ) -> Outcome<()> {
        let Some((clause, inner)) = clauses.split_first() else {
            let element = self.evaluate(&comprehension.element)?;
            let value = match &comprehension.value {
                Some(value) => self.evaluate(value)?,
                None => Value::None,
            };
            rows.push((element, value));
            return Ok(());
        };
        let iterable = self.evaluate(&clause.iterable)?;
        'items: for item in self.items_of(&iterable)? {
            self.budget.step()?;
            self.assign(&clause.target, item)?;
            for condition in &clause.conditions {
                if !self.evaluate(condition)?.is_true() {
                    continue 'items;
                }
            }
            self.comprehend(comprehension, inner, rows)?;
        }
        Ok(())
    }
}

/// Whether a function's argument at `position` may be a function by name.
fn takes_function(function: Option<Function>, position: usize) -> bool {
    match function {
        Some(Function::Builtin(Builtin::Map | Builtin::Filter)) => position == 0,
        Some(Function::Builtin(Builtin::IsInstance)) => position == 1,
        _ => false,
    }
}
