//! Functions that make identifiers, conditions and lists of names.

use std::sync::Arc;

use super::types::empty_identifier;
use super::{Arguments, Evaluator};
use crate::escape;
use crate::fault::{Fault, Outcome};
use crate::print::push_sql;
use crate::value::Value;

impl Evaluator<'_> {
    /// `column(x, default)`: `a.b` becomes `` `a`.`b` ``.
    pub(super) fn column(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let Some(value) = self.column_name(arguments)? else {
            return Err(Fault::template(
                "Missing column() default value, use `column(column_name, 'default_column_name')`",
            ));
        };
        match value {
            Value::Sql(_) => Ok(value),
            Value::Str(text) => {
                self.budget.charge(text.len())?;
                let mut sql = String::new();
                push_column(&mut sql, &text)?;
                Ok(Value::Sql(Arc::from(sql)))
            }
            other => Err(Fault::template(format!(
                "The 'column' function expects a String not {}",
                article(&other)
            ))),
        }
    }

    /// `columns(x, default, fn=None)`: a comma-separated list of columns.
    pub(super) fn columns(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let Some(value) = self.column_name(arguments)? else {
            return Err(Fault::template(
                "Missing columns() default value, use `columns(column_names, 'default_column_name')`",
            ));
        };
        let Value::Str(text) = value else {
            return Err(Fault::template(format!(
                "The 'columns' function expects a String not {}",
                article(&value)
            )));
        };
        self.budget.charge(text.len())?;
        let function = match arguments.get(2, "fn") {
            None | Some(Value::None) => None,
            Some(function) => Some(function.text()),
        };
        if let Some(function) = &function
            && !escape::is_function_name(function)
        {
            return Err(Fault::template(format!(
                "'{function}' is not the name of a function"
            )));
        }
        let mut sql = String::new();
        for (index, column) in text.split(',').map(str::trim).enumerate() {
            if index > 0 {
                sql.push(',');
            }
            match &function {
                None => push_column(&mut sql, column)?,
                Some(function) => {
                    sql.push_str(function);
                    sql.push('(');
                    push_column(&mut sql, column)?;
                    sql.push_str(") as ");
                    push_name(&mut sql, column);
                }
            }
        }
        Ok(Value::Sql(Arc::from(sql)))
    }

    fn column_name(&self, arguments: &Arguments) -> Outcome<Option<Value>> {
        match arguments.require(0, "x", "column")? {
            Value::Placeholder => Ok(Some(
                arguments
                    .default_in_place(1)
                    .cloned()
                    .unwrap_or_else(|| Value::str("placeholder")),
            )),
            Value::None => Ok(arguments.default(1).cloned()),
            value => Ok(Some(value.clone())),
        }
    }

    /// ``symbol(x, quote='`')``
    pub(super) fn symbol(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let name = self.identifier(arguments, "symbol")?;
        let mut sql = String::new();
        match arguments.text(1, "quote", "`").as_str() {
            "`" => escape::push_identifier(&mut sql, &name),
            "\"" => {
                sql.push('"');
                escape::push_string_content(&mut sql, &name, false);
                sql.push('"');
            }
            "" => push_name(&mut sql, &name),
            other => {
                return Err(Fault::template(format!(
                    "'{other}' is not a quote of identifiers"
                )));
            }
        }
        Ok(Value::Sql(Arc::from(sql)))
    }

    /// `table(x)`: bare where the name is plain, otherwise quoted.
    pub(super) fn table(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let name = self.identifier(arguments, "table")?;
        let mut sql = String::new();
        push_name(&mut sql, &name);
        Ok(Value::Sql(Arc::from(sql)))
    }

    /// The name that `function` is given.
    fn identifier(&mut self, arguments: &Arguments, function: &str) -> Outcome<String> {
        let name = match arguments.require(0, "x", function)? {
            Value::None => {
                return Err(Fault::template(format!(
                    "{function}() needs a name, its argument is null"
                )));
            }
            Value::Placeholder => "placeholder".to_owned(),
            value => value.text(),
        };
        if name.is_empty() {
            return Err(empty_identifier());
        }
        self.budget.charge(name.len())?;
        Ok(name)
    }

    /// `sql_and(column=value, column__op=value, …)`
    pub(super) fn sql_and(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let mut sql = String::new();
        for (keyword, value) in &arguments.keyword {
            self.budget.charge(value.weight())?;
            let (column, operator) = match keyword.rsplit_once("__") {
                Some((column, operator)) if !column.is_empty() => (column, operator),
                _ => (&**keyword, ""),
            };
            let operator = match operator {
                "" => "=",
                "in" => "in",
                "not_in" => "not in",
                "gt" => ">",
                "lt" => "<",
                "gte" => ">=",
                "lte" => "<=",
                other => return Err(Fault::template(format!("operand {other} not supported"))),
            };
            if value.is_none() {
                continue;
            }
            if !sql.is_empty() {
                sql.push_str(" and ");
            }
            push_name(&mut sql, column);
            sql.push(' ');
            sql.push_str(operator);
            sql.push(' ');
            match (operator, value) {
                (
                    "in" | "not in",
                    Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Sql(_),
                )
                | (_, Value::Sql(_)) => {
                    push_sql(&mut sql, value, false)?;
                }
                ("in" | "not in", single) => {
                    push_sql(&mut sql, &Value::list(vec![single.clone()])?, false)?
                }
                _ => push_sql(&mut sql, value, false)?,
            }
        }
        Ok(Value::Sql(Arc::from(sql)))
    }

    /// `sql_unescape(x, what)`: a literal in which one character stands as
    /// itself. Quotes and backslashes stay escaped whatever is asked.
    pub(super) fn sql_unescape(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let value = arguments.require(0, "x", "sql_unescape")?;
        if value.is_none() {
            return Ok(Value::None);
        }
        self.budget.charge(value.weight())?;
        let mut sql = String::new();
        escape::push_string(&mut sql, &value.text(), true);
        let what = arguments.text(1, "what", "");
        for character in what
            .chars()
            .filter(|found| matches!(found, '%' | '`' | '"'))
        {
            // Only whole escape sequences: `\\%` is a backslash and an escape.
            sql = replace_escape(&sql, character);
        }
        Ok(Value::Sql(Arc::from(sql)))
    }

    /// `split_to_array(x, default='', separator=',')`: trimmed texts.
    pub(super) fn split_to_array(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let given = arguments.require(0, "x", "split_to_array")?;
        let separator = arguments.text(2, "separator", ",");
        let empty = Value::str("");
        let value = match given {
            Value::None => arguments.get(1, "default").unwrap_or(&empty),
            Value::Placeholder => return Value::list(vec![Value::str("__no_value__")]),
            given => given,
        };
        self.budget.charge(value.weight())?;
        let trimmed = |text: &str| Value::str(text.trim());
        let items: Vec<Value> = match value {
            Value::None => return Value::list(Vec::new()),
            Value::List(items) | Value::Tuple(items) => {
                items.iter().map(|item| trimmed(&item.text())).collect()
            }
            _ if separator.is_empty() => return Err(Fault::value_error("empty separator")),
            other => other.text().split(&separator).map(trimmed).collect(),
        };
        self.budget.steps(items.len())?;
        Value::list(items)
    }

    /// `enumerate_with_last(list)`: pairs of "is it the last" and the item.
    pub(super) fn enumerate_with_last(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let items = self.items_of(arguments.require(0, "x", "enumerate_with_last")?)?;
        let last = items.len().saturating_sub(1);
        let pairs = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| Value::tuple(vec![Value::Bool(index == last), item]))
            .collect::<Outcome<_>>()?;
        Value::list(pairs)
    }
}

fn push_column(sql: &mut String, column: &str) -> Outcome<()> {
    for (index, part) in column.split('.').enumerate() {
        if part.is_empty() {
            return Err(empty_identifier());
        }
        if index > 0 {
            sql.push('.');
        }
        escape::push_identifier(sql, part);
    }
    Ok(())
}

/// A name bare if that is safe, otherwise in backticks.
fn push_name(sql: &mut String, name: &str) {
    match escape::is_plain_identifier(name) {
        true => sql.push_str(name),
        false => escape::push_identifier(sql, name),
    }
}

fn replace_escape(sql: &str, character: char) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut characters = sql.chars();
    while let Some(found) = characters.next() {
        if found != '\\' {
            out.push(found);
            continue;
        }
        match characters.next() {
            Some(escaped) if escaped == character => out.push(escaped),
            escaped => {
                out.push('\\');
                out.extend(escaped);
            }
        }
    }
    out
}

fn article(value: &Value) -> &'static str {
    match value {
        Value::List(_) | Value::Tuple(_) => "an Array",
        Value::Int(_) | Value::Wide { .. } | Value::Float(_) | Value::Bool(_) => "a number",
        _ => "an object",
    }
}
