//! Tokens into a tree, by precedence.

use std::ops::Range;

use super::{
    functions,
    lexer::Token,
    tree::{Name, Operator, Tree},
};

/// Deeper nesting than this is refused, so that no formula can exhaust the stack.
const DEPTH: usize = 128;

/// From the loosest to the tightest.
const TIGHTEST: u8 = 3;

/// The tree that all of `tokens` make up; `None` where they break the grammar.
pub fn parse(tokens: Vec<(Token, Range<usize>)>) -> Option<Tree> {
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), depth: 0 };
    let tree = parser.expression()?;
    parser.tokens.next().is_none().then_some(tree)
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<(Token, Range<usize>)>>,
    depth: usize,
}

impl Parser {
    fn expression(&mut self) -> Option<Tree> {
        let first = self.operand()?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator() {
            rest.push((operator, self.operand()?));
        }
        Some((0..=TIGHTEST).rev().fold((first, rest), gather).0)
    }

    fn operator(&mut self) -> Option<Operator> {
        let Some((Token::Sign(sign), _)) = self.tokens.peek() else { return None };
        let operator = Operator::ALL.into_iter().find(|operator| operator.sign() == *sign)?;
        self.tokens.next();
        Some(operator)
    }

    fn operand(&mut self) -> Option<Tree> {
        self.depth += 1;
        let operand = if self.depth > DEPTH { None } else { self.operand_within_depth() };
        self.depth -= 1;
        operand
    }

    fn operand_within_depth(&mut self) -> Option<Tree> {
        let (token, span) = self.tokens.next()?;
        match token {
            Token::Number(number) => Some(Tree::Number(number)),
            Token::Text(text) => Some(Tree::Text(text)),
            Token::Word(name) if self.accept("(") => self.call(&name),
            Token::Field(name) | Token::Word(name) => Some(Tree::Field(Name { name, span })),
            Token::Sign("-") => Some(Tree::Negative(Box::new(self.operand()?))),
            Token::Sign("+") => self.operand(),
            Token::Sign("(") => {
                let inner = self.expression()?;
                self.accept(")").then_some(inner)
            }
            Token::Sign(_) => None,
        }
    }

    fn call(&mut self, name: &str) -> Option<Tree> {
        let function = functions::named(name)?;
        let mut arguments = Vec::new();
        if !self.accept(")") {
            loop {
                arguments.push(self.expression()?);
                if self.accept(")") {
                    break;
                }
                if !self.accept(",") {
                    return None;
                }
            }
        }
        function.takes(arguments.len()).then_some(Tree::Call(function, arguments))
    }

    fn accept(&mut self, sign: &str) -> bool {
        self.tokens.next_if(|(token, _)| matches!(token, Token::Sign(next) if *next == sign)).is_some()
    }
}

/// Operators and their operands from left to right.
type Run = (Tree, Vec<(Operator, Tree)>);

/// Makes one operand of each run of operators that bind as tightly as `tightness`.
fn gather((first, rest): Run, tightness: u8) -> Run {
    let mut head: Run = (first, vec![]);
    let mut tail: Vec<(Operator, Run)> = vec![];
    for (operator, operand) in rest {
        if operator.tightness() == tightness {
            tail.last_mut().map_or(&mut head, |(_, run)| run).1.push((operator, operand));
        } else {
            tail.push((operator, (operand, vec![])));
        }
    }
    (chain(head), tail.into_iter().map(|(operator, run)| (operator, chain(run))).collect())
}

fn chain((first, rest): Run) -> Tree {
    if rest.is_empty() { first } else { Tree::Chain(Box::new(first), rest) }
}
