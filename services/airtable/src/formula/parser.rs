//! Tokens into an expression, by precedence.

use super::{
    expression::{Expression, Operator},
    functions,
    lexer::Token,
    value::Value,
};

/// Deeper nesting than this is refused, so that no formula can exhaust the stack.
const DEPTH: usize = 64;

/// From the loosest to the tightest.
const LEVELS: [&[(&str, Operator)]; 4] = [
    &[
        ("=", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
    ],
    &[("&", Operator::Join)],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

/// A formula and the fields in it that nobody knows.
pub struct Parsed {
    pub root: Expression,
    pub unknown: Vec<String>,
}

/// The expression that all of `tokens` make up; `None` where they break the grammar.
pub fn parse(tokens: Vec<Token>, place: impl Fn(&str) -> Option<usize>) -> Option<Parsed> {
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), place, unknown: vec![], depth: 0 };
    let root = parser.expression(&LEVELS)?;
    parser.tokens.next().is_none().then_some(Parsed { root, unknown: parser.unknown })
}

struct Parser<P> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    place: P,
    unknown: Vec<String>,
    depth: usize,
}

impl<P: Fn(&str) -> Option<usize>> Parser<P> {
    fn expression(&mut self, levels: &[&[(&str, Operator)]]) -> Option<Expression> {
        let Some((operators, tighter)) = levels.split_first() else { return self.operand() };
        let first = self.expression(tighter)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            rest.push((operator, self.expression(tighter)?));
        }
        Some(if rest.is_empty() { first } else { Expression::Chain(Box::new(first), rest) })
    }

    fn operator(&mut self, operators: &[(&str, Operator)]) -> Option<Operator> {
        let Some(Token::Sign(sign)) = self.tokens.peek() else { return None };
        let (_, operator) = operators.iter().find(|(name, _)| name == sign)?;
        self.tokens.next();
        Some(*operator)
    }

    fn operand(&mut self) -> Option<Expression> {
        self.depth += 1;
        let operand = if self.depth > DEPTH { None } else { self.operand_within_depth() };
        self.depth -= 1;
        operand
    }

    fn operand_within_depth(&mut self) -> Option<Expression> {
        match self.tokens.next()? {
            Token::Number(number) => Some(Expression::Literal(Value::Number(number))),
            Token::Text(text) => Some(Expression::Literal(Value::Text(text))),
            Token::Word(name) if self.accept("(") => self.call(&name),
            Token::Field(name) | Token::Word(name) => Some(self.field(name)),
            Token::Sign("-") => Some(Expression::Negative(Box::new(self.operand()?))),
            Token::Sign("+") => self.operand(),
            Token::Sign("(") => {
                let inner = self.expression(&LEVELS)?;
                self.accept(")").then_some(inner)
            }
            Token::Sign(_) => None,
        }
    }

    fn call(&mut self, name: &str) -> Option<Expression> {
        let function = functions::named(name)?;
        let mut arguments = Vec::new();
        if !self.accept(")") {
            loop {
                arguments.push(self.expression(&LEVELS)?);
                if self.accept(")") {
                    break;
                }
                if !self.accept(",") {
                    return None;
                }
            }
        }
        function.takes(arguments.len()).then_some(Expression::Call(function, arguments))
    }

    fn field(&mut self, name: String) -> Expression {
        if let Some(place) = (self.place)(&name) {
            return Expression::Field(place);
        }
        if !self.unknown.contains(&name) {
            self.unknown.push(name);
        }
        Expression::Literal(Value::Blank)
    }

    fn accept(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.peek(), Some(Token::Sign(next)) if *next == sign);
        if found {
            self.tokens.next();
        }
        found
    }
}
