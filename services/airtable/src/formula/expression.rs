//! What a formula consists of.

use super::{functions::Function, value::Value};

/// A part of a formula.
#[derive(Debug, Clone)]
pub enum Expression {
    /// A value that stands in the text.
    Literal(Value),
    /// The cell of the field at this place.
    Field(usize),
    /// A function and its arguments, of which it takes that many.
    Call(&'static Function, Vec<Expression>),
    /// Operators of one precedence, from left to right. Flat, so that long sums need no deep stack.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
    /// Minus before a value.
    Negative(Box<Expression>),
}

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Join,
    Add,
    Subtract,
    Multiply,
    Divide,
}
