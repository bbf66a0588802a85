//! A formula as it was written: names are still names. Printing it gives a formula that reads the same.

use std::{collections::HashSet, fmt, ops::Range};

use super::functions::Function;

/// A part of a formula.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Number(f64),
    Text(String),
    Field(Name),
    /// A function and its arguments, of which it takes that many.
    Call(&'static Function, Vec<Tree>),
    /// Operators of one precedence, from left to right. Flat, so that long sums need no deep stack.
    Chain(Box<Tree>, Vec<(Operator, Tree)>),
    /// Minus before a value.
    Negative(Box<Tree>),
}

/// A field as the formula names it, and where that stands in the text.
#[derive(Debug, Clone)]
pub struct Name {
    pub name: String,
    pub span: Range<usize>,
}

/// Wherever they stand.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
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

impl Operator {
    pub const ALL: [Self; 11] = [
        Self::Equal,
        Self::Unequal,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Join,
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
    ];

    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Join => "&",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }

    /// How tightly it binds: 0 the loosest, 3 the tightest.
    pub fn tightness(self) -> u8 {
        match self {
            Self::Join => 1,
            Self::Add | Self::Subtract => 2,
            Self::Multiply | Self::Divide => 3,
            _ => 0,
        }
    }
}

impl Tree {
    /// The names in it, from left to right.
    pub fn names(&self) -> Vec<&Name> {
        match self {
            Self::Number(_) | Self::Text(_) => vec![],
            Self::Field(name) => vec![name],
            Self::Call(_, arguments) => arguments.iter().flat_map(Self::names).collect(),
            Self::Chain(first, rest) => {
                let rest = rest.iter().flat_map(|(_, tree)| tree.names());
                first.names().into_iter().chain(rest).collect()
            }
            Self::Negative(inner) => inner.names(),
        }
    }

    /// The names in it, each once, in the order of their appearance.
    pub fn distinct_names(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.names().into_iter().map(|name| name.name.as_str()).filter(|name| seen.insert(*name)).collect()
    }

    /// In parentheses where it consists of operators that bind no tighter than `tightness`.
    fn print_within(&self, out: &mut fmt::Formatter<'_>, tightness: u8) -> fmt::Result {
        let loose = matches!(self, Self::Chain(_, rest)
            if rest.first().is_some_and(|(operator, _)| operator.tightness() <= tightness));
        if loose { write!(out, "({self})") } else { write!(out, "{self}") }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(out, "{number}"),
            Self::Text(text) => write!(out, "\"{}\"", escaped(text)),
            Self::Field(Name { name, .. }) => out.write_str(&braced(name)),
            Self::Call(function, arguments) => {
                write!(out, "{}(", function.name)?;
                for (place, argument) in arguments.iter().enumerate() {
                    write!(out, "{}{argument}", if place == 0 { "" } else { ", " })?;
                }
                out.write_str(")")
            }
            Self::Chain(first, rest) => {
                let tightness = rest.first().map_or(u8::MAX, |(operator, _)| operator.tightness());
                first.print_within(out, tightness)?;
                for (operator, tree) in rest {
                    write!(out, " {} ", operator.sign())?;
                    tree.print_within(out, tightness)?;
                }
                Ok(())
            }
            Self::Negative(inner) => {
                out.write_str("-")?;
                inner.print_within(out, u8::MAX)
            }
        }
    }
}

/// A field's name or id as formulas write it.
pub fn braced(name: &str) -> String {
    format!("{{{}}}", name.replace('}', r"\}"))
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n").replace('\t', r"\t")
}
