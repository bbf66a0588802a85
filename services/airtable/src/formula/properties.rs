//! What holds for every formula and every record.

use jiff::Timestamp;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    functions::{self, Function},
    tests::{FIELDS, Sample, place},
    tree::{Name, Operator, Tree},
    *,
};

/// A record with these cells, named `a`, `b` and so on.
struct Cells(Vec<Value<'static>>);

impl Row for Cells {
    fn record_id(&self) -> &'static str {
        "rec00000000000001"
    }

    fn created(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn modified(&self, _: &[usize]) -> Option<Timestamp> {
        None
    }

    fn cell(&self, field: usize) -> Outcome<'_> {
        self.0.get(field).map(Value::lent).ok_or(Fault)
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

/// The value of `text` for a record with these cells. NaN shows as itself, so that values can be compared.
fn value(text: &str, cells: &[Value<'static>]) -> String {
    let place = |name: &str| usize::from(*name.as_bytes().first()?).checked_sub(usize::from(b'a'));
    format!("{:?}", Formula::read(text, place).unwrap().evaluate(&Cells(cells.to_vec())))
}

fn cell() -> impl Strategy<Value = Value<'static>> {
    let single = prop_oneof![
        Just(Value::Blank),
        any::<String>().prop_map(Value::of_text),
        select(vec!["", "0", "1.5", "-2", "abc", "2026-11-21", "2026-11-21T02:03:04Z", "NaN"])
            .prop_map(Value::of_text),
        any::<f64>().prop_map(Value::Number),
        (-50..50_i32).prop_map(|number| Value::Number(f64::from(number) / 4.0)),
        moment().prop_map(Value::of_moment),
    ];
    single.prop_recursive(2, 8, 4, |item| vec(item, 0..4).prop_map(Value::List))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    // Year 1 to 9000, so that there is room around.
    (-62_000_000_000..221_000_000_000_i64).prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![(0..40_u8).prop_map(f64::from), (0.0..1e9), prop::num::f64::POSITIVE | prop::num::f64::ZERO]
        .prop_filter("formulas have no notation for it", |number| number.is_finite())
}

fn text() -> impl Strategy<Value = String> {
    let known = vec![
        "days",
        "months",
        "M",
        "ms",
        "YYYY-MM-DD HH:mm",
        "LLLL Do SSS x",
        "2026-11-21",
        "31/12/1999 23:59",
        "de",
        "Asia/Tokyo",
        r"(\w+)\s*[^a]?",
        "(a*)*",
        "$1$$",
        "Monday",
        "2026-11-23,x",
    ];
    prop_oneof![any::<String>(), "[ -~\\n\\t\\\\\"']{0,8}", select(known).prop_map(str::to_owned)]
}

fn field() -> impl Strategy<Value = String> {
    let other = any::<String>().prop_filter("can't be written", |name| !name.ends_with('\\'));
    prop_oneof![4 => select(FIELDS.to_vec()).prop_map(str::to_owned), 1 => other]
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        number().prop_map(Tree::Number),
        text().prop_map(Tree::Text),
        field().prop_map(|name| Tree::Field(Name { name, span: 0..0 })),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            2 => call(inner.clone()),
            2 => (0..4_u8, inner.clone(), vec((any::<prop::sample::Index>(), inner.clone()), 1..4))
                .prop_map(|(tightness, first, rest)| chain(tightness, first, rest)),
            1 => inner.prop_map(|inner| Tree::Negative(Box::new(inner))),
        ]
    })
}

fn call(inner: impl Strategy<Value = Tree> + Clone + 'static) -> impl Strategy<Value = Tree> {
    let names: Vec<_> = signatures().map(|function| function.name).collect();
    select(names).prop_flat_map(move |name| {
        let function: &'static Function = functions::named(name).unwrap();
        let (least, most) = function.arguments;
        vec(inner.clone(), least..=most.min(least + 3))
            .prop_map(move |arguments| Tree::Call(function, arguments))
    })
}

fn chain(tightness: u8, first: Tree, rest: Vec<(prop::sample::Index, Tree)>) -> Tree {
    let operators: Vec<_> =
        Operator::ALL.into_iter().filter(|operator| operator.tightness() == tightness).collect();
    Tree::Chain(
        Box::new(first),
        rest.into_iter().map(|(index, tree)| (*index.get(&operators), tree)).collect(),
    )
}

/// The same with every literal in a cell of its own; the cells go to `cells`.
fn without_literals(tree: &Tree, cells: &mut Vec<Value<'static>>) -> Tree {
    let mut cell = |value| {
        cells.push(value);
        Tree::Field(Name { name: (cells.len() - 1).to_string(), span: 0..0 })
    };
    match tree {
        Tree::Number(number) => cell(Value::Number(*number)),
        Tree::Text(text) => cell(Value::of_text(text.clone())),
        Tree::Field(_) => cell(Value::Blank),
        Tree::Call(function, arguments) => {
            Tree::Call(function, arguments.iter().map(|argument| without_literals(argument, cells)).collect())
        }
        Tree::Chain(first, rest) => {
            let first = without_literals(first, cells);
            let rest = rest.iter().map(|(operator, tree)| (*operator, without_literals(tree, cells)));
            Tree::Chain(Box::new(first), rest.collect())
        }
        Tree::Negative(inner) => Tree::Negative(Box::new(without_literals(inner, cells))),
    }
}

proptest! {
    #[test]
    fn a_printed_formula_reads_as_the_same(tree in tree()) {
        let printed = tree.to_string();
        let read = lexer::tokens(&printed).and_then(parser::parse);
        prop_assert_eq!(read, Some(tree), "{}", printed);
    }

    #[test]
    fn every_text_is_read_or_refused_and_what_is_read_prints_as_the_same(
        text in prop_oneof![any::<String>(), "([(){},&=<>!*/+. \\-'\"\\\\]|AND|IF|LEN|\\{a\\}|'x'|[0-9]|é){0,30}"]
    ) {
        if let Ok(syntax) = Syntax::read(&text) {
            let printed = syntax.to_string();
            prop_assert_eq!(Syntax::read(&printed).map(|again| again.to_string()), Ok(printed));
            prop_assert_eq!(syntax.renamed(|_| None), text);
        }
    }

    #[test]
    fn every_formula_has_one_value_for_a_record(tree in tree()) {
        let place = |name: &str| place(name).or(Some(2));
        let root = expression::compile(&tree, place).unwrap();
        let show = || format!("{:?}", evaluate::evaluate(&root, &Sample));
        prop_assert_eq!(show(), show());
    }

    #[test]
    fn it_does_not_show_that_constants_were_reckoned_before(tree in tree()) {
        prop_assume!(!tree.to_string().contains("LAST_MODIFIED_TIME"));
        // What was a field is the first cell, which is blank.
        let mut cells = vec![Value::Blank];
        let same = without_literals(&tree, &mut cells);
        let ready = expression::compile(&tree, |_| Some(0)).unwrap();
        let late = expression::compile(&same, |name| name.parse().ok()).unwrap();
        let show = |root| format!("{:?}", evaluate::evaluate(root, &Cells(cells.clone())));
        prop_assert_eq!(show(&ready), show(&late));
    }

    #[test]
    fn joining_is_associative(a in cell(), b in cell(), c in cell()) {
        let cells = [a, b, c];
        prop_assert_eq!(value("(a&b)&c", &cells), value("a&(b&c)", &cells));
        prop_assert_eq!(value("a&b&c", &cells), value("CONCATENATE(a,b,c)", &cells));
    }

    #[test]
    fn truth_keeps_to_the_laws_of_de_morgan(a in cell(), b in cell()) {
        let cells = [a, b];
        prop_assert_eq!(value("NOT(NOT(a))", &cells), value("IF(a,1,0)", &cells));
        prop_assert_eq!(value("AND(a,b)", &cells), value("NOT(OR(NOT(a),NOT(b)))", &cells));
        prop_assert_eq!(value("XOR(a,b)", &cells), value("NOT(a)!=NOT(b)", &cells));
    }

    #[test]
    fn comparisons_agree_with_each_other(a in cell(), b in cell()) {
        let cells = [a, b];
        prop_assert_eq!(value("a=b", &cells), value("b=a", &cells));
        prop_assert_eq!(value("a!=b", &cells), value("NOT(a=b)", &cells));
        prop_assert_eq!(value("a<b", &cells), value("b>a", &cells));
        prop_assert_eq!(value("a<=b", &cells), value("b>=a", &cells));
        prop_assert_eq!(value("AND(a<b,b<a)", &cells), value("FALSE()", &cells));
    }

    #[test]
    fn pieces_of_a_text_make_up_the_text(text in "\\PC{0,40}", at in 0..50_u8, times in 0..9_u8) {
        let cells = [Value::of_text(text), Value::Number(at.into()), Value::Number(times.into())];
        prop_assert_eq!(value("LEFT(a,b)&MID(a,b+1,LEN(a))", &cells), value("a&''", &cells));
        prop_assert_eq!(value("MID(a,1,LEN(a)-b)&RIGHT(a,b)", &cells), value("IF(b>LEN(a),RIGHT(a,b),a)&''", &cells));
        prop_assert_eq!(value("LEN(REPT(a,c))", &cells), value("LEN(a)*c", &cells));
        prop_assert_eq!(value("IF(FIND(a,a&a)>1,0,LEN(a)>0)", &cells), value("LEN(a)>0", &cells));
    }

    #[test]
    fn what_was_added_to_a_moment_is_the_difference(
        at in moment(), count in -10_000..10_000_i32,
        unit in select(vec!["milliseconds", "s", "minutes", "h", "days", "w"]),
    ) {
        let cells = [Value::of_moment(at), Value::Number(count.into()), Value::of_text(unit)];
        prop_assert_eq!(value("DATETIME_DIFF(DATEADD(a,b,c),a,c)", &cells), value("b+0", &cells));
        prop_assert_eq!(value("DATEADD(DATEADD(a,b,c),-b,c)=a", &cells), value("TRUE()", &cells));
    }

    #[test]
    fn months_and_years_come_back_where_every_month_has_the_day(
        at in moment(), count in -1_000..1_000_i32, unit in select(vec!["M", "quarters", "years"]),
    ) {
        let cells = [Value::of_moment(at), Value::Number(count.into()), Value::of_text(unit)];
        let same = value("IF(DAY(a)<=28,DATETIME_DIFF(DATEADD(a,b,c),a,c),b+0)", &cells);
        prop_assert_eq!(same, value("b+0", &cells));
    }

    #[test]
    fn what_a_full_pattern_shows_it_reads(at in moment(), pattern in select(vec![
        "YYYY-MM-DDTHH:mm:ss", "D/M/YYYY H:m:s", "dddd, MMMM Do YYYY, hh:mm:ss a", "X", "x", "DDDD YYYY HH mm ss", "YYYYMMDDHHmmssZZ",
    ])) {
        let cells = [Value::of_moment(at), Value::of_text(pattern)];
        prop_assert_eq!(value("DATETIME_PARSE(DATETIME_FORMAT(a,b),b)=a", &cells), value("TRUE()", &cells));
    }

    #[test]
    fn lists_are_made_unique_and_compact_once(items in vec(cell(), 0..6)) {
        let cells = [Value::List(items)];
        for function in ["ARRAYUNIQUE", "ARRAYCOMPACT", "ARRAYFLATTEN"] {
            let once = value(&format!("{function}(a)"), &cells);
            prop_assert_eq!(value(&format!("{function}({function}(a))"), &cells), once);
        }
    }

    #[test]
    fn rounding_stays_within_one_place(number in -1e9..1e9_f64, places in -3..6_i32) {
        let cells = [Value::Number(number), Value::Number(places.into())];
        prop_assert_eq!(value("AND(ROUNDDOWN(ABS(a),b)<=ROUND(ABS(a),b),ROUND(ABS(a),b)<=ROUNDUP(ABS(a),b))", &cells), value("1", &cells));
        prop_assert_eq!(value("ABS(ROUND(a,b)-a)<=POWER(10,-b)", &cells), value("1", &cells));
    }
}
