"""Finding runs: the database's answers beside a slow and plain evaluation over the same invented runs."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, update

from db import curves, runs
from db.engine import Database
from db.filter_fields import FIELDS, OPERATORS
from db.filter_tree import And, Comparison, Expression, FilterError, Not, Or, Value
from db.filters import parse, unparse
from db.migrate import upgrade
from db.rows import RunPage
from db.states import Mirror, Reason, Relation, RunState
from db.tables import Checkpoint, Run
from tests.db import postgres
from tests.db.filter_twin import Invented, matches

RUNS = 48
NOW = datetime.now(UTC)
NAMES = (
    "Brisk-Anvil",
    "brisk_anvil%",
    "Ação longa",
    "100% wool",
    "back\\slash",
    "'; DROP TABLE runs; --",
    "amber file",
)
MODELS = ("lightning_modules.text.TransformerClassifier", "lightning_modules.tabular.MLP", "own.module.MLP2")
TAGS = ("baseline", "Baseline", "no-augment", "paper 2", "ação")
METRICS = ("train_loss", "val_loss", "val_accuracy", "my loss, (x)", "system/cpu_percent")
METRIC_VALUES = (0.1, 0.5, 0.5, 2.0, -3.0, math.nan, math.inf, -math.inf)


def invent(chance: random.Random) -> Invented:
    """One run that has a bit of everything, and of everything now and then nothing."""
    started = None if chance.random() < 0.2 else NOW - timedelta(hours=chance.choice([1, 30, 60, 900]), seconds=7)
    ended = (
        None if started is None or chance.random() < 0.3 else started + timedelta(seconds=chance.choice([4, 300, 9e4]))
    )
    maybe = lambda *some: chance.choice([None, *some])  # noqa: E731
    columns = {
        "name": chance.choice(NAMES), "notes": chance.choice(["", "Looks fine", "none"]),
        "state": chance.choice(list(RunState)), "reason": maybe(*Reason), "reason_text": maybe("Why not.") or "",
        "stalled": chance.random() < 0.3, "preset": maybe("text-small", "x"), "model_class": chance.choice(MODELS),
        "dataset": maybe("reviews@1", "reviews@2", "reviews-pt@1", "iris"), "seed": maybe(1, 2, 2**32 - 1),
        "launched_by": chance.choice(["ana", "Bruno", ""]), "relation": maybe(*Relation), "parent_id": maybe(1),
        "mirror": chance.choice(list(Mirror)), "host": maybe("workstation", "other"),
        "created_at": NOW - timedelta(hours=chance.choice([1, 5, 47, 49, 800]), minutes=chance.randrange(50)),
        "started_at": started, "ended_at": ended, "attempt": chance.choice([1, 2]), "step": chance.choice([0, 10, 500]),
        "epoch": chance.choice([0.0, 0.5, 3.0]), "samples_per_second": maybe(10.0, 2000.5),
        "folder_bytes": chance.choice([0, 5_000_000, 3_000_000_000]),
    }  # fmt: skip
    config = {
        "seed": columns["seed"],
        "model": {"init_args": {"lr": chance.choice([1e-4, 1e-3, 0.01, None]), "wide": chance.random() < 0.5}},
        "data": {"init_args": {"path": chance.choice(["a/b", "Ç", "007", "7"]), "sizes": [1, 2], "width": 64}},
        "trainer": {"lr": chance.choice([1e-3, 1]), "note": chance.choice(["None", "true", "nan", "1e3"])},
    }
    if chance.random() < 0.3:
        del config["data"]
    series = {
        name: [chance.choice(METRIC_VALUES) for _ in range(chance.randrange(1, 4))]
        for name in METRICS
        if chance.random() < 0.7
    }
    tags = {tag for tag in TAGS if chance.random() < 0.25}
    return Invented(columns, tags, series, chance.random() < 0.2, config)


@dataclass(repr=False)
class Filled:
    """A database with invented runs; ``known`` are those on the usual shelf, by id."""

    database: Database
    known: dict[int, Invented]
    archived: int
    deleted: int

    def ids(self, query: str) -> list[int]:
        with self.database.reading() as session:
            return runs.matching_ids(session, query)

    def find(self, query: str = "", **asked: Any) -> RunPage:
        with self.database.reading() as session:
            return runs.find(session, query, **asked)


def fill(database: Database) -> Filled:
    chance = random.Random(5)
    known = {}
    for number in range(RUNS + 2):
        run = invent(chance)
        with database.writing() as session:
            run_id = runs.create(session, name="x", config=run.config, tags=sorted(run.tags))
            parent = None if run.columns["parent_id"] is None or not known else min(known)
            run.columns |= {"id": run_id, "parent_id": parent}
            session.execute(update(Run).where(Run.id == run_id).values(**run.columns))
            points = {name: (range(len(some)), [0.0] * len(some), some) for name, some in run.curves.items()}
            curves.append(session, run_id, 1, {name: tuple(map(list, some)) for name, some in points.items()})
            if run.pinned or number % 3 == 0:
                facts = {"path": "x", "step": 1, "epoch": 1.0, "size_bytes": 1, "sha256": "x", "pinned": run.pinned}
                session.execute(insert(Checkpoint).values(run_id=run_id, **facts))
        known[run_id] = run
    archived, deleted = sorted(known)[-2:]
    with database.writing() as session:
        session.execute(update(Run).where(Run.id == archived).values(archived_at=NOW))
        session.execute(update(Run).where(Run.id == deleted).values(deleted_at=NOW, archived_at=NOW))
    for gone in (archived, deleted):
        del known[gone]
    return Filled(database, known, archived, deleted)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """The same invented runs in both kinds of database."""
    url = f"sqlite:///{tmp_path_factory.mktemp('search') / 'record.sqlite'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        postgres.execute(server.format(database="template1"), "CREATE DATABASE search TEMPLATE template1")
        url = server.format(database="search")
    made = Database(url)
    upgrade(made)
    yield fill(made)
    made.close()
    if request.param == "postgresql":
        postgres.execute(server.format(database="template1"), "DROP DATABASE search WITH (FORCE)")


QUERIES = [
    "", "brisk", "'brisk' anvil", "ação", "AÇÃO", '"%"', "_", "\"'; DROP TABLE runs; --\"", 'name = "100% WOOL"',
    "status = failed and config.model.init_args.lr < 1e-2 and metric.val_accuracy > 0.4 and tag = baseline",
    "status = active", "status = ended", "status in (failed, active)", "status ~ ed", "status != failed", "state !~ ed",
    "reason = none", 'reason = "out of memory"', "reason ~ data", "reason in (none, paused)", "relation = none",
    "tag = BASELINE", "tag != baseline", "tag = none", "tag != none", "tag ~ ÇÃ", "tag in (baseline, none)",
    "tag not in (baseline, 'paper 2')", "model = mlp", "model = MLP2", "model = own.module.mlp2", "model ~ tabular",
    "dataset = reviews", "dataset = reviews@2", "dataset = none", "dataset != reviews", "dataset ~ re", "preset = none",
    "notes = none", "notes = 'none'", "notes = ''", "user = bruno", "user = none", "mirror = off", "host = other",
    "created > 2d", "created < 2d", "created >= today", "created = today", "created != yesterday", "ended = none",
    "started <= yesterday", "ended > 1w", "created < 2020-01", "duration > 5m", "duration = 5m", "duration <= 4",
    "duration = none", "duration != none", "step >= 10 and step < 500", "step in (0, 500)", "step = 9.5", "step > 9.5",
    "epoch < 1", "epoch != 0.5", "speed = none", "speed > 10.5", "size > 1GB", "size = 5MB", "id = 3", "id > 1e300",
    "id in (1, 2, 3.5)", "seed = none", "seed = 4294967295", "seed != 1", "attempt = 2", "parent = none",
    "parent != none", '"\\\\"',
    "stalled", "not stalled", "stalled = no", "pinned", "pinned = no", "not (pinned or stalled)",
    "config.lr = 1e-3", "config.init_args.lr = 0.001", "config.lr != 0.001", "config.model.init_args.lr = none",
    "config.lr = none", "config.width = none", "config.lr > 0.5", "config.lr in (1, 0.01)", "config.wide = true",
    "config.wide = 1", "config.wide = False", "config.path = 'ç'", "config.path = 7", "config.path = 007",
    "config.path ~ B", "config.path != 7", "config.sizes = '[1, 2]'", "config.note = nan", "config.note = none",
    "config.note = 'None'", "config.note = 1e3", "config.note = 1000", "config.note = true", "config.seed > 1",
    "metric.val_loss = nan", "metric.val_loss != nan", "metric.val_loss = inf", "metric.val_loss = -inf",
    "metric.val_loss > 0.4", "metric.val_loss >= 0.5", "metric.val_loss < 0.4", "metric.val_loss <= -3",
    "metric.val_loss < inf", "metric.val_loss <= inf", "metric.val_loss > -inf", "metric.val_loss.min = inf",
    "metric.val_loss.min < inf", "metric.val_loss.max > nan", "metric.val_loss.min = -3", "metric.val_loss.max != 2",
    "metric.val_loss = none", "metric.val_loss.min = none", "metric.val_loss != none", "metric.val_loss in (0.5, nan)",
    'metric."my loss, (x)".max > 0.4', "metric.system/cpu_percent > 0.4", "not metric.train_loss > 0.4",
]  # fmt: skip


def expected(filled: Filled, tree: Expression) -> list[int]:
    return sorted(run_id for run_id, run in filled.known.items() if matches(tree, run, NOW))


def test_every_kind_of_question(filled: Filled) -> None:
    wrong = {
        query: (found, asked)
        for query in QUERIES
        if (found := sorted(filled.ids(query))) != (asked := expected(filled, parse(query)))
    }
    assert not wrong
    telling = [query for query in QUERIES if 0 < len(filled.ids(query)) < RUNS]
    assert len(telling) > 0.8 * len(QUERIES), "the invented runs answer too many questions with all or nothing"


VALUES: dict[str, list[str]] = {
    "number": ["0", "1", "10", "0.5", "500", "2000.5"], "size": ["5MB", "1GB"], "flag": ["yes", "no"],
    "duration": ["4", "5m", "1d"], "tag": ["baseline", "none", "paper", "x"], "date": ["today", "yesterday", "2020-05"],
    "text": ["none", "brisk", "mlp", "reviews", "ana", "a"], "config": ["0.001", "1", "true", "none", "7", "a"],
    "metric": ["0.5", "0.1", "nan", "inf", "-inf", "none", "-3"],
}  # fmt: skip


@st.composite
def comparison(draw: st.DrawFn) -> Comparison:
    field = draw(st.sampled_from(list(FIELDS.values())))
    operator = draw(st.sampled_from(OPERATORS[field.kind]))
    words = [member.value for member in field.choices] + ["none"] if field.choices else VALUES[field.kind]
    several = draw(st.lists(st.sampled_from(words), min_size=1, max_size=3 if "in" in operator else 1))
    quoted = draw(st.booleans()) if field.kind in ("config", "text") else False
    values = tuple(Value(word, quoted or " " in word) for word in several)
    names = {"config": ["lr", "init_args.lr", "wide", "path", "note", "width"], "metric": list(METRICS)}
    name = draw(st.sampled_from(names[field.kind])) if field.kind in names else ""
    part = draw(st.sampled_from(["last", "min", "max"])) if field.kind == "metric" else ""
    return Comparison(field.name, operator, values, name, part)


def understood(tree: Expression) -> bool:
    try:
        return parse(unparse(tree)) == tree
    except FilterError:
        return False


ONE = comparison().filter(understood)
SEVERAL = st.lists(ONE | ONE.map(Not), min_size=2, max_size=3).map(tuple)
TREES = ONE | SEVERAL.map(And) | SEVERAL.map(Or) | SEVERAL.map(And).map(Not)


@settings(deadline=None, max_examples=70, suppress_health_check=list(HealthCheck))
@given(st.lists(TREES, min_size=1, max_size=2).map(tuple))
def test_any_question(filled: Filled, trees: tuple[Expression, ...]) -> None:
    tree = trees[0] if len(trees) == 1 else Or(trees)
    assert sorted(filled.ids(unparse(tree))) == expected(filled, tree)


def _sorted(filled: Filled, key: Any, falling: bool) -> list[int]:
    """By value, those without one last, equal ones newest first."""
    having = {run_id: key(run) for run_id, run in filled.known.items() if key(run) is not None}
    there = sorted(sorted(having, reverse=True), key=lambda run_id: having[run_id], reverse=False)
    if falling:
        there = sorted(sorted(having, reverse=True), key=lambda run_id: having[run_id], reverse=True)
    return [*there, *sorted((one for one in filled.known if one not in having), reverse=True)]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


SORTS: dict[str, Any] = {
    "id": lambda run: run.columns["id"],
    "created_at": lambda run: run.columns["created_at"],
    "started": lambda run: run.columns["started_at"],
    "state": lambda run: list(RunState).index(run.columns["state"]),
    "duration": lambda run: run.duration(NOW),
    "seed": lambda run: run.columns["seed"],
    "samples_per_second": lambda run: run.columns["samples_per_second"],
    "folder_bytes": lambda run: run.columns["folder_bytes"],
    "dataset": lambda run: run.columns["dataset"],
    "user": lambda run: run.columns["launched_by"].lower() or None,
    "reason": lambda run: run.columns["reason"],
    "metric.val_loss": lambda run: _finite(run.metric("val_loss", "last")),
    "metric.val_loss.max": lambda run: run.metric("val_loss", "max"),
    "metric.my loss, (x)": lambda run: _finite(run.metric("my loss, (x)", "last")),
    "config.model.init_args.lr": lambda run: run.config["model"]["init_args"]["lr"],
    "config.width": lambda run: next(iter(run.values_of("width")), None),
    "config.note": lambda run: next((one.lower() for one in run.values_of("note") if one != "None"), None),
}


@pytest.mark.parametrize("sort", SORTS)
def test_order(filled: Filled, sort: str) -> None:
    """Over PostgreSQL, texts are compared by the database's own rules; here they are the same."""
    for falling in (False, True):
        found = filled.find(sort=f"{'-' if falling else ''}{sort}", limit=RUNS)
        assert [row.id for row in found.rows] == _sorted(filled, SORTS[sort], falling)


def test_pages(filled: Filled) -> None:
    whole = filled.find(sort="name", limit=RUNS)
    assert (whole.total, len(whole.rows)) == (RUNS, RUNS)
    parts = [filled.find(sort="name", offset=start, limit=20) for start in range(0, 80, 20)]
    assert [row.id for part in parts for row in part.rows] == [row.id for row in whole.rows]
    assert {part.total for part in parts} == {RUNS}
    matching = len(filled.ids("step > 0"))
    assert [filled.find("step > 0", offset=start, limit=5).total for start in (0, 5, 1000)] == [matching] * 3
    assert filled.find("step > 0", limit=0) == RunPage([], matching)
    assert filled.find("step > 1e9") == RunPage([], 0)


def test_shelves(filled: Filled) -> None:
    with filled.database.reading() as session:
        assert [row.id for row in runs.find(session, archived=True).rows] == [filled.archived]
        assert [row.id for row in runs.find(session, trash=True).rows] == [filled.deleted]
        assert runs.matching_ids(session, "", archived=True) == [filled.archived]
        assert runs.matching_ids(session, f"id = {filled.deleted}", trash=True) == [filled.deleted]
        assert runs.matching_ids(session, "created < 1970-01") == []
    newest = sorted(filled.known, key=lambda one: (filled.known[one].columns["created_at"], one), reverse=True)
    assert filled.ids("") == newest
    assert [row.id for row in filled.find(limit=RUNS).rows] == newest


def test_columns_come_with_their_types(filled: Filled) -> None:
    columns = (
        "config.model.init_args.lr", "config.wide", "config.path", "config.sizes", "config.width", "config.gone",
        "metric.val_loss", "metric.val_loss.min", "metric.my loss, (x).max", "metric.gone",
    )  # fmt: skip
    for row in filled.find(columns=columns, limit=RUNS).rows:
        run = filled.known[row.id]
        arguments, data = run.config["model"]["init_args"], run.config.get("data", {}).get("init_args", {})
        wanted = [
            arguments["lr"],
            arguments["wide"],
            data.get("path"),
            ("[1, 2]" if data else None),
            data.get("width"),
            None,
        ]
        wanted += [
            run.metric("val_loss", "last"),
            run.metric("val_loss", "min"),
            run.metric("my loss, (x)", "max"),
            None,
        ]
        assert tuple(row.values) == columns
        for column, value in zip(columns, wanted, strict=True):
            found = row.values[column]
            assert type(found) is type(value), column
            assert found == value or found != found, column
        assert (row.name, row.state, row.tags) == (run.columns["name"], run.columns["state"], tuple(sorted(run.tags)))
        assert row.created_at == run.columns["created_at"]


def test_names_that_can_be_chosen(filled: Filled) -> None:
    with filled.database.reading() as session:
        names = runs.column_names(session)
    assert names == [
        "config.init_args.lr", "config.note", "config.path", "config.seed", "config.sizes", "config.trainer.lr",
        "config.wide", "config.width", "metric.my loss, (x)", "metric.train_loss", "metric.val_accuracy",
        "metric.val_loss", "metric.system/cpu_percent",
    ]  # fmt: skip
    for name in names:
        filled.find(sort=name, columns=[name], limit=1)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "metric.val_acuracy > 0.9",
            "No run has a metric val_acuracy (at character 1). Did you mean metric.val_accuracy?",
        ),
        ("stalled or config.lrr = 1", "No run has a config value lrr (at character 12)."),
        ("config.val_loss < 1", "Did you mean metric.val_loss?"),
        ("val_loss < 1", "val_loss is not a field (at character 1). Did you mean metric.val_loss?"),
        ("pat = 7", "Did you mean config.path?"),
    ],
)
def test_names_that_no_run_has(filled: Filled, query: str, message: str) -> None:
    with filled.database.reading() as session:
        for ask in (runs.find, runs.matching_ids):
            with pytest.raises(FilterError) as raised:
                ask(session, query)
            assert message in str(raised.value)
        runs.find(session, "metric.val_loss > 1")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"sort": "nmae"}, "Runs cannot be sorted by nmae. Did you mean name?"),
        ({"sort": ""}, "Runs cannot be sorted by nothing."),
        ({"sort": "-tag"}, "Runs cannot be sorted by tag."),
        ({"sort": "metric.val_los"}, "Did you mean metric.val_loss?"),
        ({"sort": "id; DROP TABLE runs"}, "Runs cannot be sorted by id; DROP TABLE runs."),
        ({"columns": ("name",)}, "name is not a column."),
    ],
)
def test_what_cannot_be_sorted_by_or_shown(filled: Filled, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(FilterError) as raised:
        filled.find(**asked)
    assert message in str(raised.value)


def test_the_largest_filter_that_is_allowed(filled: Filled) -> None:
    words = " or ".join(f"name = '{number}'" for number in range(200))
    assert filled.ids(words) == []
    assert len(filled.ids(f"id in ({', '.join(map(str, range(500)))})")) == RUNS
    assert len(filled.ids("not " * 38 + "id > 0")) == RUNS
    deep = "(" * 38 + "id > 0 or stalled" + ")" * 38
    assert len(filled.ids(deep)) == RUNS


def test_a_page_takes_a_handful_of_statements(filled: Filled) -> None:
    said: list[str] = []
    listen = lambda *given_: said.append(given_[2])  # noqa: E731
    event.listen(filled.database.engine, "before_cursor_execute", listen)
    columns = [f"metric.{name}" for name in METRICS] + ["config.width", "config.wide"]
    filled.find("step > 0 and metric.val_loss > 0", sort="config.width", columns=columns)
    event.remove(filled.database.engine, "before_cursor_execute", listen)
    assert len([statement for statement in said if "SELECT" in statement]) <= 7


def test_an_empty_record(database: Database) -> None:
    with database.reading() as session:
        assert runs.find(session, "metric.anything > 1 or config.lr < 1", columns=["metric.x"]) == RunPage([], 0)
        assert runs.column_names(session) == []
