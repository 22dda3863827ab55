"""The filter language: what it understands, and what it says when it does not."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import filter_values
from db.filter_fields import FIELDS, OPERATORS, PARTS, Field, check
from db.filter_tree import And, Comparison, Expression, FilterError, Not, Or, Value, quote
from db.filters import HELP, parse, unparse

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
KNOWN = ("config.learning_rate", "config.batch_size", "metric.val_accuracy", "metric.val_loss")
NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


def compare(field: str, operator: str, *values: str | Value, name: str = "", part: str = "") -> Comparison:
    return Comparison(field, operator, tuple(v if isinstance(v, Value) else Value(v) for v in values), name, part)


def in_quotes(text: str) -> Value:
    return Value(text, quoted=True)


FAILED = compare("status", "=", "failed")
BASELINE = compare("tag", "=", "baseline")
STALLED = compare("stalled", "=", "yes")
UNDERSTOOD: list[tuple[str, Expression]] = [
    ("", And(())),
    (" \n\t ", And(())),
    ("status = failed", FAILED),
    ("STATE == failed", FAILED),
    ("status=failed and tag=baseline", And((FAILED, BASELINE))),
    ("status=failed AND tag=baseline Or stalled", Or((And((FAILED, BASELINE)), STALLED))),
    ("status=failed and (tag=baseline or stalled)", And((FAILED, Or((BASELINE, STALLED))))),
    ("not not stalled", Not(Not(STALLED))),
    ("not status = failed and stalled", And((Not(FAILED), STALLED))),
    ("((status = failed))", FAILED),
    ("status <> failed", compare("status", "!=", "failed")),
    ("tag in (a,'b c', \"d\")", compare("tag", "in", "a", in_quotes("b c"), in_quotes("d"))),
    ("tag not in (a)", compare("tag", "not in", "a")),
    ("config.lr<1e-3", compare("config", "<", "1e-3", name="lr")),
    ("config.model.init_args.lr >= -2", compare("config", ">=", "-2", name="model.init_args.lr")),
    ("metric.val_accuracy > 0.9", compare("metric", ">", "0.9", name="val_accuracy", part="last")),
    ("metric.val_loss.MIN > 0.9", compare("metric", ">", "0.9", name="val_loss", part="min")),
    ("metric.system/cpu_percent.max > 9", compare("metric", ">", "9", name="system/cpu_percent", part="max")),
    ('metric."my loss, (x)".last > 9', compare("metric", ">", "9", name="my loss, (x)", part="last")),
    ("metric.min.min > 9", compare("metric", ">", "9", name="min", part="min")),
    ("brisk", compare("name", "~", in_quotes("brisk"))),
    ("brisk 'an vil'", And((compare("name", "~", in_quotes("brisk")), compare("name", "~", in_quotes("an vil"))))),
    ("don't", compare("name", "~", in_quotes("don't"))),
    (r'name = "a \"b\" \\ c"', compare("name", "=", in_quotes('a "b" \\ c'))),
    ("'status'", compare("name", "~", in_quotes("status"))),
    ("name ~ ação", compare("name", "~", "ação")),
    ("created > 2d", compare("created", ">", "2d")),
    ("created = yesterday", compare("created", "=", "yesterday")),
    ("duration > 1h30m", compare("duration", ">", "1h30m")),
    ("size > 1.5GB", compare("size", ">", "1.5GB")),
    ("reason = out_of_memory", compare("reason", "=", "out_of_memory")),
    ("reason = none", compare("reason", "=", "none")),
    ("metric.val_loss = nan", compare("metric", "=", "nan", name="val_loss", part="last")),
]
MISTAKES: list[tuple[str, int | None, str, str]] = [
    ("statuss = failed", 0, "statuss is not a field", "Did you mean status?"),
    ("val_accuracy > 0.9", 0, "val_accuracy is not a field", "Did you mean metric.val_accuracy?"),
    ("learning_rat < 1", 0, "learning_rat is not a field", "Did you mean config.learning_rate?"),
    ("stalled or metric.val_los > 1", 11, "No run has a metric val_los", "Did you mean metric.val_loss?"),
    ("config.val_loss > 1", 0, "No run has a config value val_loss", "Did you mean metric.val_loss?"),
    ("config.rate > 1", 0, "No run has a config value rate", ""),
    ("metric > 1", 0, "metric needs a name", "Such as metric.val_loss."),
    ("name.x = 1", 0, "name.x is not a field", ""),
    ("status = failled", 9, "failled is not a status", "Did you mean failed?"),
    ("status = x", 9, "x is not a status", "It is one of queued, starting, running"),
    ("reason = out of memory", 9, "out is not a reason", 'Did you mean "out of memory"?'),
    ("status =", 8, "A value is expected after =, not the end", ""),
    ("status = and", 9, "A value is expected after =, not and", 'Put the word into quotes: "and".'),
    ("status", 6, "An operator such as = is expected after status", 'write "status"'),
    ("metric.val_loss", 15, "An operator such as = is expected after metric.val_loss", ""),
    ("status < failed", 0, "status cannot be compared with <", "Use one of =, !=, ~"),
    ("tag >= a", 0, "tag cannot be compared with >=", ""),
    ("step > many", 7, "A number is expected, and many is none", ""),
    ("step > nan", 7, "A number is expected, and nan is none", ""),
    ("metric.val_loss > small", 18, "A number is expected, and small is none", ""),
    ("config.a.batch_size < small", 22, "A number is expected, and small is none", ""),
    ("duration > soon", 11, "A duration is expected, and soon is none", "1h30m"),
    ("size > big", 7, "A size is expected, and big is none", "1.5GB"),
    ("created > 2026-13-01", 10, "A date or an age is expected, and 2026-13-01 is none", "2d"),
    ("created = 2d", 10, "Nothing happens at one exact moment", "give a day"),
    ("stalled = maybe", 10, "yes or no is expected, and maybe is neither", ""),
    ("step > none", 7, "none cannot be compared with >", "Use = or !=."),
    ("tag in a", 7, "( is expected after in, not a", "tag in (a, b)"),
    ("tag in (a b)", 10, "A comma or ) is expected in the list, not b", ""),
    ("tag in ()", 8, "A value is expected in the list, not )", ""),
    ("tag in (a,", 10, "A value is expected after the comma, not the end", ""),
    ("(stalled", 0, "The parenthesis ( that opens here is never closed", ""),
    ("stalled)", 7, "There is a ) without its (", ""),
    ("stalled and", 11, "A condition is expected here, not the end", "status = failed"),
    ("and stalled", 0, "A condition is expected here, not and", ""),
    ("= 3", 0, "A condition is expected here, not =", ""),
    ("not", 3, "A condition is expected here, not the end", ""),
    ("dataset = movie reviews", 16, '"and" or "or" is expected before reviews', 'in quotes: "movie reviews"'),
    ("stalled && pinned", 8, "&& means nothing here", "Write and."),
    ("a || b", 2, "|| means nothing here", "Write or."),
    ("name = 'a", 7, "The quote ' that opens here is never closed", ""),
    ("!stalled", 0, "! alone means nothing", "not"),
    ("name = a\0b", 8, "There is a character that no text can hold", ""),
    ("name = \ud800", 7, "There is a character that no text can hold", ""),
    ("(" * 5000, 40, "The filter is nested more than 40 deep", ""),
    ("not " * 2000, 160, "The filter is nested more than 40 deep", ""),
    ("x" * 10_000_000, None, "The filter is 10,000,000 characters long; 10,000 are the most", ""),
    (" or ".join(["stalled"] * 201), None, "The filter compares too much", ""),
    (f"tag in ({','.join('ab' * 300)})".replace("ab", "a,b"), None, "The filter compares too much", ""),
]


@pytest.mark.parametrize(("text", "tree"), UNDERSTOOD, ids=[text or "nothing" for text, _ in UNDERSTOOD])
def test_understood(text: str, tree: Expression) -> None:
    assert parse(text) == tree
    assert parse(unparse(tree)) == tree


@pytest.mark.parametrize(("text", "position", "problem", "hint"), MISTAKES, ids=[row[0][:30] for row in MISTAKES])
def test_mistakes_are_told(text: str, position: int | None, problem: str, hint: str) -> None:
    with pytest.raises(FilterError) as raised:
        parse(text, KNOWN)
    error = raised.value
    assert error.problem.startswith(problem)
    assert error.position == position
    assert hint in error.hint
    assert str(error).startswith(problem)
    assert position is None or f"(at character {position + 1})" in str(error)
    assert len(str(error)) < 300


def test_names_are_looked_up_when_some_are_known() -> None:
    for text in ("metric.val_loss.min < 1", "config.model.init_args.learning_rate < 1", "config.batch_size = 3"):
        assert parse(text, KNOWN) == parse(text)
    assert parse("config.init_args.lr = 1", ["config.model.init_args.lr"]) == parse("config.init_args.lr = 1")
    assert parse("metric.anything > 1", ["config.lr"]) == parse("metric.anything > 1")


def test_examples_of_the_help_are_understood() -> None:
    for example, meaning in HELP:
        assert parse(example) != And(())
        assert meaning
    for field in FIELDS.values():
        assert field.help


def _fits(comparison: Comparison) -> bool:
    try:
        check(comparison)
    except FilterError:
        return False
    return True


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False).map(repr)
VALUES = {
    "number": NUMBER,
    "metric": NUMBER | st.just("nan") | st.just("inf"),
    "config": NUMBER | st.just("true"),
    "duration": st.sampled_from(["5m", "1h30m", "90", "2d"]),
    "size": st.sampled_from(["5MB", "1.5GB", "100"]),
    "date": st.sampled_from(["2026-01-31", "2026-02", "today"]),
    "flag": st.sampled_from(["yes", "no"]),
    "tag": st.sampled_from(["none", "a-b", "paper"]),
    "text": st.sampled_from(["none", "x", "7"]),
}


@st.composite
def any_comparison(draw: st.DrawFn) -> Comparison:
    field: Field = draw(st.sampled_from(list(FIELDS.values())))
    operator = draw(st.sampled_from(OPERATORS[field.kind]))
    if field.choices is not None:
        values = st.sampled_from([member.value for member in field.choices]).map(in_quotes)
    else:
        values = VALUES[field.kind].map(Value)
    if field.kind in ("text", "tag") or (field.kind == "config" and operator in ("=", "~", "in")):
        values |= TEXT.map(in_quotes)
    count = draw(st.integers(1, 3)) if "in" in operator else 1
    own = field.kind in ("config", "metric")
    return Comparison(
        field.name,
        operator,
        tuple(draw(values) for _ in range(count)),
        name=draw(TEXT.filter(bool)) if own else "",
        part=draw(st.sampled_from(PARTS)) if field.kind == "metric" else "",
    )


def _more(items: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(items, min_size=2, max_size=3).map(tuple)
    return several.map(And) | several.map(Or) | items.map(Not)


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(any_comparison().filter(_fits), _more, max_leaves=8)


@settings(PATIENT, max_examples=300)
@given(EXPRESSIONS)
def test_what_is_written_out_is_read_back(tree: Expression) -> None:
    assert parse(unparse(tree)) == tree


@settings(PATIENT, max_examples=300)
@given(st.text(st.sampled_from("()=<>~!,\"'\\ \nandorinot.status metric1-é\0"), max_size=60) | st.text(max_size=60))
def test_any_text_is_understood_or_refused_with_a_place(text: str) -> None:
    try:
        found: Expression | FilterError = parse(text, KNOWN)
    except FilterError as error:
        found = error
    if isinstance(found, FilterError):
        assert found.position is None or 0 <= found.position <= len(text)
        assert str(found)
    else:
        assert parse(unparse(found)) == found


@settings(PATIENT)
@given(TEXT)
def test_quoted_texts_come_through_whole(text: str) -> None:
    assert parse(f"name = {quote(text)}") == compare("name", "=", in_quotes(text))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-01-31", datetime(2026, 1, 31), datetime(2026, 2, 1)),
        ("2026-12", datetime(2026, 12, 1), datetime(2027, 1, 1)),
        ("today", datetime(2026, 3, 4), datetime(2026, 3, 5)),
        ("Yesterday", datetime(2026, 3, 3), datetime(2026, 3, 4)),
        ("2d", datetime(2026, 3, 2, 12, 30), datetime(2026, 3, 2, 12, 30)),
        ("1h30m ago", datetime(2026, 3, 4, 11), datetime(2026, 3, 4, 11)),
        ("1w", datetime(2026, 2, 25, 12, 30), datetime(2026, 2, 25, 12, 30)),
        ("2026-01-31T10:00", datetime(2026, 1, 31, 10), datetime(2026, 1, 31, 10)),
        ("2026-01-31T10:00+02:00", datetime(2026, 1, 31, 8), datetime(2026, 1, 31, 8)),
    ],
)
def test_moments(text: str, start: datetime, end: datetime) -> None:
    found = filter_values.moments(Value(text), NOW)
    assert (found.start, found.end) == (start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text", ["", "2d3", "9999-99-99", "99999999999d", "2026", "10:30", "0000-01-01", "9999-12-31x"]
)
def test_no_moments(text: str) -> None:
    with pytest.raises(FilterError):
        filter_values.moments(Value(text), NOW)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5m", 90), ("2h", 7200), ("1d2h", 93_600), ("1w", 604_800), ("5min", 300)]
)
def test_durations(text: str, seconds: float) -> None:
    assert filter_values.seconds(Value(text)) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("5MB", 5e6), ("1.5g", 1.5e9), ("2 kB", 2000), ("1e3", 1000)]
)
def test_sizes(text: str, size: float) -> None:
    assert filter_values.size_bytes(Value(text)) == size
