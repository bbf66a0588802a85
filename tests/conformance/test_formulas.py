"""filterByFormula: values of formulas, and records chosen by them."""

import pytest
from pyairtable import Table
from pyairtable import formulas as F

# Each is true, by the definitions of Airtable's reference.
VECTORS = r"""
FIND("fox","quick brown fox")=13
SEARCH("World","Hello World")=7
SEARCH("x","Hello")=BLANK()
RIGHT("quick brown fox",5)="n fox"
REPLACE("database",2,5,"o")="dose"
SUBSTITUTE("gold mold","old","et",1)="get mold"
LEN("quick brown fox")=15
ENCODE_URL_COMPONENT("chicken & waffles")="chicken%20%26%20waffles"
VALUE("$1,000")=1000
REGEX_MATCH("Hello World","Hello.World")
REGEX_REPLACE("Hello World"," W.*","")="Hello"
CEILING(1.05,0.1)=1.1
EVEN(2.2)=4
ODD(1.1)=3
ROUND(2.5,0)=3
ROUNDDOWN(-1.9,0)=-1
INT(-1.5)=-2
POWER(7,5)=16807
COUNT(1,2,3,"","four")=3
COUNTALL(1,2,3,"","four")=5
1+2*3=7
"1"=1
BLANK()=0
BLANK()=""
ISERROR(2/0)
SWITCH("B","A",1,"B",2,9)=2
XOR(TRUE(),TRUE(),TRUE())
NOT({mail})
{moment}=DATETIME_PARSE('2026-01-05T10:30:00.000Z')
DATETIME_DIFF("2017-04-23T15:00","2017-04-22","hours")=39
DATESTR(DATEADD("2019-07-10",10,"days"))="2019-07-20"
WEEKDAY("2021-06-09")=3
DATESTR(WORKDAY("2020-10-16",10,"2020-10-16, 2020-10-19"))="2020-11-02"
IS_SAME("2021-01-01T05:00","2021-01-01","day")
IS_AFTER(NOW(),TODAY())
TIMESTR("2013-02-17T07:31:25Z")="07:31:25"
and({text}="alpha",Or(1,0))
ARRAYJOIN({tags},"; ")="a; b"
{others}="one"
{done}=TRUE()
{fldCONF0000000103}=1
FIND('2026-01-05', {moment})
""".strip().splitlines()

# Each drops every record or is no formula.
FALSE = ["AND(FALSE(),ERROR())", "2/0", "0", '""', "{mail}", "ERROR()"]
BROKEN = ["FOO(1)", "AND(1,", "'abc", "1 == 1", "5 % 2"]


# A gateway hands formulas on unread.
direct = pytest.mark.only("direct")


@direct
@pytest.mark.parametrize("formula", VECTORS)
def test_true(table: Table, formula: str) -> None:
    assert [record["fields"]["text"] for record in table.all(formula=f"AND({{text}}='alpha',{formula})")] == ["alpha"]
    assert table.all(formula=f"AND({{text}}='alpha',NOT({formula}))") == []


@direct
@pytest.mark.parametrize("formula", FALSE)
def test_false(table: Table, formula: str) -> None:
    assert table.all(formula=formula) == []


@direct
@pytest.mark.parametrize("formula", BROKEN)
def test_no_formula(table: Table, formula: str) -> None:
    with pytest.raises(Exception, match="INVALID_FILTER_BY_FORMULA"):
        table.all(formula=formula)


@pytest.mark.parametrize(
    ("formula", "texts"),
    [
        (F.match({"note": "Contact's Name"}), ["gamma"]),
        (F.Field("number").gte(2.5), ["Beta", "gamma"]),
        (F.AND(F.Field("choice").ne("b"), F.NOT(F.Field("tags"))), ["Beta"]),
        (F.OR(F.RECORD_ID().eq("recCONF0000000101"), F.Field("number").gt(9)), ["alpha", "gamma"]),
        (F.IS_AFTER(F.Field("day"), F.DATETIME_PARSE("2026-01-31")), ["gamma"]),
        ("{text} & '+' & {choice} = 'Beta+a'", ["Beta"]),
        ("FIND(\"'\", {note})", ["gamma"]),
    ],
    ids=str,
)
def test_records_are_chosen(table: Table, formula: F.Formula | str, texts: list[str]) -> None:
    assert [record["fields"]["text"] for record in table.all(formula=formula, sort=["text"])] == texts
