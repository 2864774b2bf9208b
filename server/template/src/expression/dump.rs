//! The text of a tree in the form of Python's `ast.dump`, which the error
//! texts of refused expressions carry.

use super::{
    Argument, BinaryOperator, Callee, Comparison, ComprehensionKind, Expr, FormatPart, Name,
    Target, UnaryOperator,
};

/// Describes `expr`.
pub(crate) fn dump(expr: &Expr) -> String {
    match expr {
        Expr::Constant(value) => format!("Constant(value={})", value.repr()),
        Expr::Name(name) => dump_name(name, "Load"),
        Expr::Format(parts) => format!("JoinedStr(values=[{}])", list(parts, dump_part)),
        Expr::List(items) => format!("List(elts=[{}], ctx=Load())", list(items, dump)),
        Expr::Tuple(items) => format!("Tuple(elts=[{}], ctx=Load())", list(items, dump)),
        Expr::Set(items) => format!("Set(elts=[{}])", list(items, dump)),
        Expr::Dict(entries) => format!(
            "Dict(keys=[{}], values=[{}])",
            list(entries, |(key, _)| key
                .as_ref()
                .map_or("None".to_owned(), dump)),
            list(entries, |(_, value)| dump(value)),
        ),
        Expr::Unary(operator, operand) => {
            format!(
                "UnaryOp(op={}(), operand={})",
                unary_name(*operator),
                dump(operand)
            )
        }
        Expr::Binary(left, operator, right) => {
            format!(
                "BinOp(left={}, op={}(), right={})",
                dump(left),
                binary_name(*operator),
                dump(right)
            )
        }
        Expr::And(operands) => format!("BoolOp(op=And(), values=[{}])", list(operands, dump)),
        Expr::Or(operands) => format!("BoolOp(op=Or(), values=[{}])", list(operands, dump)),
        Expr::Compare(left, rest) => format!(
            "Compare(left={}, ops=[{}], comparators=[{}])",
            dump(left),
            list(rest, |(comparison, _)| format!(
                "{}()",
                comparison_name(*comparison)
            )),
            list(rest, |(_, right)| dump(right)),
        ),
        Expr::Conditional {
            test,
            then,
            otherwise,
        } => {
            format!(
                "IfExp(test={}, body={}, orelse={})",
                dump(test),
                dump(then),
                dump(otherwise)
            )
        }
        Expr::Call(call) => {
            let callee = match &call.callee {
                Callee::Function(_, name) => dump_name(name, "Load"),
                Callee::Method(receiver, method) => dump_attribute(receiver, method),
                Callee::Value(callee) => dump(callee),
            };
            let (positional, keywords): (Vec<_>, Vec<_>) = call
                .arguments
                .iter()
                .partition(|argument| matches!(argument, Argument::Positional(_)));
            format!(
                "Call(func={callee}, args=[{}], keywords=[{}])",
                list(&positional, |argument| dump(argument.expr())),
                list(&keywords, |argument| dump_keyword(argument)),
            )
        }
        Expr::Attribute(receiver, attribute) => dump_attribute(receiver, attribute),
        Expr::Subscript(collection, key) => {
            format!(
                "Subscript(value={}, slice={}, ctx=Load())",
                dump(collection),
                dump(key)
            )
        }
        Expr::Slice(start, stop, step) => {
            let bounds = [("lower", start), ("upper", stop), ("step", step)];
            let given: Vec<_> = bounds
                .iter()
                .filter_map(|(name, bound)| {
                    bound
                        .as_ref()
                        .map(|bound| format!("{name}={}", dump(bound)))
                })
                .collect();
            format!("Slice({})", given.join(", "))
        }
        Expr::Comprehension(comprehension) => {
            let clauses = list(&comprehension.clauses, |clause| {
                format!(
                    "comprehension(target={}, iter={}, ifs=[{}], is_async=0)",
                    dump_target(&clause.target),
                    dump(&clause.iterable),
                    list(&clause.conditions, dump),
                )
            });
            let element = dump(&comprehension.element);
            let value = comprehension.value.as_ref().map(dump).unwrap_or_default();
            match comprehension.kind {
                ComprehensionKind::List => {
                    format!("ListComp(elt={element}, generators=[{clauses}])")
                }
                ComprehensionKind::Set => format!("SetComp(elt={element}, generators=[{clauses}])"),
                ComprehensionKind::Generator => {
                    format!("GeneratorExp(elt={element}, generators=[{clauses}])")
                }
                ComprehensionKind::Dict => {
                    format!("DictComp(key={element}, value={value}, generators=[{clauses}])")
                }
            }
        }
        Expr::Lambda(lambda) => format!(
            "Lambda(args=arguments(posonlyargs=[], args=[{}], kwonlyargs=[], kw_defaults=[], defaults=[]), body={})",
            list(&lambda.parameters, |name| format!(
                "arg(arg='{}')",
                name.text
            )),
            dump(&lambda.body),
        ),
        Expr::Starred(operand) => format!("Starred(value={}, ctx=Load())", dump(operand)),
    }
}

fn list<T>(items: &[T], each: impl Fn(&T) -> String) -> String {
    items.iter().map(each).collect::<Vec<_>>().join(", ")
}

fn dump_name(name: &Name, context: &str) -> String {
    format!("Name(id='{}', ctx={context}())", name.text)
}

fn dump_attribute(receiver: &Expr, attribute: &str) -> String {
    format!(
        "Attribute(value={}, attr='{attribute}', ctx=Load())",
        dump(receiver)
    )
}

fn dump_keyword(argument: &Argument) -> String {
    match argument {
        Argument::Keyword(name, value) => format!("keyword(arg='{name}', value={})", dump(value)),
        other => format!("keyword(value={})", dump(other.expr())),
    }
}

fn dump_target(target: &Target) -> String {
    match target {
        Target::Name(name) => dump_name(name, "Store"),
        Target::Several(targets) => {
            format!("Tuple(elts=[{}], ctx=Store())", list(targets, dump_target))
        }
        Target::Item(collection, key) => {
            format!(
                "Subscript(value={}, slice={}, ctx=Store())",
                dump(collection),
                dump(key)
            )
        }
    }
}

fn dump_part(part: &FormatPart) -> String {
    match part {
        FormatPart::Text(text) => format!("Constant(value={})", super::Value::str(text).repr()),
        FormatPart::Value {
            expr, conversion, ..
        } => {
            let conversion = conversion.map_or(-1, |conversion| i64::from(u32::from(conversion)));
            format!(
                "FormattedValue(value={}, conversion={conversion})",
                dump(expr)
            )
        }
    }
}

fn unary_name(operator: UnaryOperator) -> &'static str {
    match operator {
        UnaryOperator::Negative => "USub",
        UnaryOperator::Positive => "UAdd",
        UnaryOperator::Not => "Not",
        UnaryOperator::Invert => "Invert",
    }
}

/// Python's name of the operator's class.
pub(crate) fn binary_name(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Add => "Add",
        BinaryOperator::Subtract => "Sub",
        BinaryOperator::Multiply => "Mult",
        BinaryOperator::Divide => "Div",
        BinaryOperator::FloorDivide => "FloorDiv",
        BinaryOperator::Modulo => "Mod",
        BinaryOperator::Power => "Pow",
        BinaryOperator::BitAnd => "BitAnd",
        BinaryOperator::BitOr => "BitOr",
        BinaryOperator::BitXor => "BitXor",
        BinaryOperator::ShiftLeft => "LShift",
        BinaryOperator::ShiftRight => "RShift",
    }
}

fn comparison_name(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "Eq",
        Comparison::NotEqual => "NotEq",
        Comparison::Less => "Lt",
        Comparison::LessOrEqual => "LtE",
        Comparison::Greater => "Gt",
        Comparison::GreaterOrEqual => "GtE",
        Comparison::Is => "Is",
        Comparison::IsNot => "IsNot",
        Comparison::In => "In",
        Comparison::NotIn => "NotIn",
    }
}
