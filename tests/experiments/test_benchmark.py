"""The benchmark's arithmetic and its refusals, on a clock that the tests move. No timing is asserted."""

import json
import threading
import time
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from experiments.benchmark import chart, command, conditions, engine, main, recurrent, rows
from experiments.benchmark.agreement import Disagreement, require_agreement
from experiments.benchmark.combined import Combined, overview
from experiments.benchmark.conditions import Pool, WrongConditions
from experiments.benchmark.report import judge, text
from experiments.benchmark.rows import BASE, OURS, GrowthRow, RatioRow, Result, Settings, Side
from experiments.benchmark.timing import Spread, paired
from experiments.lab.usage import UsageError


class FakeClock:
    """A clock that only moves when a call is made; `calls` is who made one."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def __call__(self):
        return self.now

    def side(self, name, *seconds):
        """A call that takes `seconds` in turn, the last of them ever after."""
        durations = list(seconds)

        def call():
            self.calls.append(name)
            self.now += durations.pop(0) if len(durations) > 1 else durations[0]

        return call


@pytest.fixture
def one_thread_granted(monkeypatch):
    """Rows are measured without looking at this machine's thread pools."""
    monkeypatch.setattr(rows, "one_thread", lambda **_: nullcontext())


# --- timing -------------------------------------------------------------------------------------------------------


def test_ratio_is_the_median_of_paired_ratios_not_the_ratio_of_medians():
    clock = FakeClock()
    # Each block is a warm-up and a timed call; the first block only finds how many calls fill it.
    a = clock.side("a", 1, 1, 0.1, 1, 0.1, 4, 0.1, 9)
    b = clock.side("b", 1, 1, 0.1, 2, 0.1, 1, 0.1, 3)
    timings = paired({"a": a, "b": b}, repeats=3, block=1, clock=clock)
    assert timings.seconds["a"] == pytest.approx((1, 4, 9))
    assert timings.seconds["b"] == pytest.approx((2, 1, 3))
    ratio = timings.ratio("a", "b")  # 1/2, 4/1, 9/3; the ratio of medians would be 4/2
    assert (ratio.q1, ratio.median, ratio.q3) == pytest.approx((1.75, 3, 3.5))


def test_a_machine_that_slows_down_does_not_move_the_ratio():
    clock = FakeClock()
    slow = [1, 1, *(speed for k in range(5) for speed in (2**k, 2**k))]
    a, b = clock.side("a", *(3.0 * s for s in slow)), clock.side("b", *(2.0 * s for s in slow))
    assert paired({"a": a, "b": b}, repeats=5, block=1, clock=clock).ratio("a", "b") == Spread(1.5, 1.5, 1.5)


def test_blocks_alternate_and_every_other_repetition_is_reversed():
    clock = FakeClock()
    sides = {name: clock.side(name, 1) for name in "abc"}
    done = []
    paired(sides, repeats=3, block=1, clock=clock, after_repeat=lambda: done.append(len(clock.calls)))
    sizing, timed = clock.calls[:6], clock.calls[6:]
    assert "".join(sizing) == "aabbcc"
    assert "".join(timed) == "aabbcc" + "ccbbaa" + "aabbcc"
    assert done == [12, 18, 24]


def test_a_quick_call_is_repeated_until_it_fills_the_block():
    clock = FakeClock()
    timings = paired({"a": clock.side("a", 0.125)}, repeats=1, block=1, clock=clock)
    assert timings.seconds["a"] == (0.125,)
    assert clock.calls[-9:] == ["a"] * 9  # eight that are timed, after one that is not
    assert len(clock.calls) == sum(count + 1 for count in (1, 2, 4, 8)) + 9


@pytest.mark.parametrize(("sides", "repeats"), [({}, 1), ({"a": lambda: None}, 0)])
def test_nothing_to_time_is_an_error(sides, repeats):
    with pytest.raises(ValueError, match="needs a side and a repetition"):
        paired(sides, repeats=repeats)


def test_spread_of_one_and_of_four_values():
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0)
    assert Spread.of([4.0, 1.0, 3.0, 2.0]) == Spread(2.5, 1.75, 3.25)


# --- conditions ---------------------------------------------------------------------------------------------------


def test_a_pool_with_two_threads_is_refused_by_name():
    conditions.require_one_thread([Pool("some BLAS", 1)])
    with pytest.raises(WrongConditions, match=r"other BLAS: 2.*threadpoolctl.*OPENBLAS_NUM_THREADS=1"):
        conditions.require_one_thread([Pool("some BLAS", 1), Pool("other BLAS", 2)])


def test_pools_are_pinned_inside_and_put_back_afterwards():
    pytest.importorskip("threadpoolctl")
    before = conditions.pools()
    with conditions.one_thread():
        inside = conditions.pools()
    assert [pool.threads for pool in inside] == [1] * len(before)
    assert conditions.pools() == before


def test_without_threadpoolctl_the_environment_must_say_one_thread(monkeypatch):
    monkeypatch.setattr(conditions.importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(conditions.sys.modules, "torch", raising=False)
    for variable in conditions.THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    with conditions.one_thread():
        pass
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with pytest.raises(WrongConditions, match=r"OPENBLAS_NUM_THREADS\): 2"), conditions.one_thread():
        pass


def test_work_in_another_thread_is_noticed():
    def work():
        end = time.thread_time() + 3 * conditions.HIDDEN_SECONDS
        while time.thread_time() < end:
            pass

    def work_elsewhere():
        hidden = threading.Thread(target=work)
        hidden.start()
        hidden.join()

    pytest.importorskip("threadpoolctl")
    with pytest.raises(WrongConditions, match="other threads of this process"), conditions.one_thread():
        work_elsewhere()


# --- agreement ----------------------------------------------------------------------------------------------------

REFERENCE = np.array([1.0, -4.0])


def agree(other, reference=REFERENCE):
    return require_agreement({"ref": [reference], "other": [other]}, "ref", ["W_hh"], 1e-3)


def test_rounding_agrees_and_its_size_is_returned():
    assert agree(REFERENCE + np.array([0, 0.002])) == {"ref": 0.0, "other": pytest.approx(0.0005)}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (REFERENCE * 1.01, "other differs from ref by 0.01"),
        (-REFERENCE, "other differs from ref by 2 "),
        (REFERENCE * np.nan, "other differs from ref by nan"),
        (REFERENCE[None], r"other gives float64 of shape \(1, 2\), ref gives float64 of shape \(2,\)"),
        (REFERENCE.astype(np.float32), "other gives float32"),
    ],
)
def test_other_gradients_are_refused_by_name(other, message):
    with pytest.raises(Disagreement, match=f"gradient of W_hh: {message}"):
        agree(other)


@pytest.mark.parametrize("reference", [np.zeros(2), np.array([1, np.inf])])
def test_agreeing_on_nothing_is_refused(reference):
    with pytest.raises(Disagreement, match="ref's gradient of W_hh is zero or not finite"):
        agree(reference.copy(), reference)


# --- rows ---------------------------------------------------------------------------------------------------------


def side(clock, name, seconds, gradient=1.0, module="math"):
    """A contestant whose run takes `seconds` on the clock and gives a gradient of x."""

    def program(_, x):
        def run():
            clock.now += seconds
            return [gradient * x]

        return run

    return Side(name, module, program)


def ratio_row(*sides, **changes):
    description = {"statement": "y = x", "inputs": lambda rng: (rng.normal(size=3),), "wrt": ("x",), "unit": "op"}
    return RatioRow(**{"name": "row", "sides": sides, "units": 10, "bar": 0.5, "repeats": 3, **description, **changes})


@pytest.mark.parametrize(("bar", "holds"), [(0.5, True), (0.2, False), (None, None)])
def test_a_row_is_judged_by_our_ratio_to_the_base(one_thread_granted, bar, holds):
    clock = FakeClock()
    row = ratio_row(side(clock, OURS, 1.0), side(clock, BASE, 4.0), side(clock, "peer", 8.0), bar=bar)
    result = row.measure(Settings(clock=clock))
    assert {line.side: line.ratio.median for line in result.lines} == {OURS: 0.25, BASE: 1.0, "peer": 2.0}
    assert [line.microseconds.median for line in result.lines] == [1e5, 4e5, 8e5]
    assert judge(row, result).holds is holds


def test_a_wrong_gradient_is_refused_before_anything_is_timed(one_thread_granted):
    def clock():
        raise AssertionError("a row with a wrong gradient was timed")

    clock.now = 0.0
    row = ratio_row(side(clock, OURS, 1.0, gradient=1.001), side(clock, BASE, 1.0))
    result = command.measure(row, Settings(clock=clock))
    assert "gradient of x: minigrad differs from PyTorch by 0.001" in result.refused
    assert judge(row, result).holds is False
    assert "REFUSED" in text(row, result)


def test_a_missing_peer_is_left_out_and_said_so(one_thread_granted):
    clock = FakeClock()
    row = ratio_row(side(clock, OURS, 1.0), side(clock, BASE, 2.0), side(clock, "peer", 1.0, module="no_such_peer"))
    result = row.measure(Settings(clock=clock))
    assert [line.side for line in result.lines] == [OURS, BASE]
    assert result.skipped == ("peer is not installed (Python module no_such_peer): left out",)
    assert result.skipped[0] in text(row, result)
    assert judge(row, result).holds is True


def test_without_the_base_there_is_no_verdict(one_thread_granted):
    clock = FakeClock()
    row = ratio_row(side(clock, OURS, 1.0), side(clock, BASE, 2.0, module="no_such_peer"), side(clock, "peer", 1.0))
    result = row.measure(Settings(clock=clock))
    assert result.obtained is None
    assert judge(row, result).holds is None
    assert "not judged: no ratio to PyTorch's time" in text(row, result)


def test_an_import_error_inside_an_installed_side_is_not_taken_for_a_missing_peer(one_thread_granted):
    def program(_, x):
        raise ImportError("broken")

    with pytest.raises(ImportError, match="broken"):
        ratio_row(Side(OURS, "math", program)).measure(Settings())


@pytest.mark.parametrize(("seconds", "worst"), [((1, 2, 4), 2), ((1, 4, 8), 4), ((1, 2, 8), 4)])
def test_growth_is_judged_by_the_worst_doubling(one_thread_granted, seconds, worst):
    clock = FakeClock()
    sizes = (4, 8, 16)

    def program(_, size):
        def run():
            clock.now += seconds[sizes.index(size)]
            return [np.full(2, float(size))]

        return run

    row = GrowthRow("grow", "x", sizes, lambda n: [np.full(2, float(n))], ("x",), (Side(OURS, "math", program),), "T")
    result = row.measure(Settings(clock=clock))
    ratios = [line.ratio and line.ratio.median for line in result.lines]
    assert ratios == [None, seconds[1] / seconds[0], seconds[2] / seconds[1]]
    assert result.obtained == worst
    assert judge(row, result).holds is (worst == 2)


def test_growth_needs_the_closed_form_and_doubling_sizes(one_thread_granted):
    ours = Side(OURS, "math", lambda _, size: lambda: [np.full(2, 1.0)])
    row = GrowthRow("grow", "x", (4, 8), lambda n: [np.full(2, float(n))], ("x",), (ours,), "T")
    with pytest.raises(Disagreement, match="minigrad, T 4 differs from the closed form"):
        row.measure(Settings())
    with pytest.raises(ValueError, match="must be twice"):
        GrowthRow("grow", "x", (4, 9), lambda n: [], ("x",), (ours,), "T")


def test_repetitions_come_from_the_command_line_or_the_row():
    row = ratio_row(repeats=30)
    assert Settings().repeats_of(row) == 30
    assert Settings(quick=True).repeats_of(row) == 10
    assert Settings(quick=True, repeats=2).repeats_of(row) == 2


# --- the engine's rows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [row.name for row in engine.ROWS])
def test_the_engine_rows_compute_the_same_gradients(name, monkeypatch):
    """Small versions of the real programs; PyTorch's are the same lines as ours, and tests/parity compares them."""
    monkeypatch.setattr(engine, "TOKENS", 6)
    monkeypatch.setattr(engine, "VOCABULARY", 11)
    row = next(row for row in engine.ROWS if row.name == name)
    sides = [side for side in row.sides if side.name != BASE and side.installed()]
    if isinstance(row, GrowthRow):
        gradients = {side.name: side.build(6)() for side in sides} | {"reference": row.expected(6)}
    else:
        inputs = row.inputs(np.random.default_rng(0))
        gradients = {side.name: side.build(*inputs)() for side in sides}
        gradients["reference"] = gradients.pop("NumPy by hand")
    assert OURS in gradients
    require_agreement(gradients, "reference", row.wrt, row.tolerance)


def test_a_run_can_be_repeated():
    """The second run of a side gives the first one's gradients: nothing accumulates from run to run."""
    for row in engine.ROWS:
        if isinstance(row, GrowthRow):
            run = row.sides[0].build(5)
            first = [np.array(g) for g in run()]
            np.testing.assert_array_equal(first[0], np.asarray(run()[0]))


# --- rows that belong together ------------------------------------------------------------------------------------


def measured_group(clock, **ratios):
    """Measured rows `lstm-NAME` of one group with these ratios to the base."""
    base = side(clock, BASE, 1.0)
    group = [
        ratio_row(side(clock, OURS, ratio), base, name=f"lstm-{name}", group="nn.LSTM", bar=None)
        for name, ratio in ratios.items()
    ]
    return [(row, row.measure(Settings(clock=clock))) for row in group]


@pytest.mark.parametrize(("bar", "verdict"), [(4.0, "met"), (3.9, "MISSED")])
def test_a_figure_made_of_several_ratios_is_judged(one_thread_granted, bar, verdict):
    measured = measured_group(FakeClock(), tiny=2.0, small=8.0)
    mean = Combined("mean", ("lstm-tiny", "lstm-small"), lambda ratios: (ratios[0] * ratios[1]) ** 0.5, bar, goal=3.5)
    assert mean.text(measured) == f"mean: 4.00: bar {bar:.2f} {verdict}; goal 3.50 not reached"
    assert mean.judge(measured).holds is (verdict == "met")
    assert mean.document(measured)["obtained"] == pytest.approx(4.0)


def test_a_figure_needs_all_of_its_rows(one_thread_granted):
    measured = measured_group(FakeClock(), tiny=2.0, small=8.0)
    mean = Combined("mean", ("lstm-tiny", "lstm-small"), max, 4.0)
    assert mean.judge(measured[:1]) is None and mean.text(measured[:1]) == ""
    refused = [measured[0], (measured[1][0], Result(refused="wrong gradient"))]
    assert mean.judge(refused).holds is False and "lstm-small" in mean.text(refused)
    unpaired = [measured[0], (measured[1][0], Result())]
    assert mean.judge(unpaired).holds is None and "no ratio to PyTorch" in mean.text(unpaired)


def test_rows_of_a_group_share_a_table_and_a_panel(one_thread_granted):
    measured = measured_group(FakeClock(), **{"tiny": 2.0, "small": 8.0})
    alone = ratio_row(side(FakeClock(), OURS, 1.0), name="alone")
    (table,) = overview([*measured, (alone, Result())])
    lines = [line.split() for line in table.splitlines()]
    assert lines[1] == ["tiny", "small"]
    assert lines[3:] == [[OURS, "2.00", "8.00"], [BASE, "1", "1"]]
    (panel,) = chart.draw(measured, "machine").axes
    assert [label.get_text().split() for label in panel.get_yticklabels()] == [["tiny", OURS], ["small", OURS]]


def test_a_row_with_a_peer_that_has_threads_of_its_own_is_timed_by_the_process(one_thread_granted):
    clock = FakeClock()
    never = lambda: pytest.fail("the thread's clock was asked")
    row = ratio_row(side(clock, OURS, 1.0), side(clock, BASE, 4.0), whole_process=True)
    assert row.measure(Settings(clock=never, process_clock=clock)).obtained == 0.25
    with pytest.raises(pytest.fail.Exception, match="the thread's clock"):
        replace(row, whole_process=False).measure(Settings(clock=never, process_clock=clock))


def test_every_figure_of_the_recurrent_suite_is_made_of_rows_that_are_there():
    names = {row.name for row in recurrent.ROWS}
    assert len(names) == len(recurrent.ROWS)
    for figure in recurrent.COMBINED:
        assert set(figure.rows) <= names
        ratios = [1.5] * len(figure.rows)
        assert figure.figure(ratios) == pytest.approx(1.5 if "mean" in figure.statement else 1.0)
    assert recurrent._worst_over_plain([2.0, 3.0, 4.0, 2.0]) == 1.5


# --- the command --------------------------------------------------------------------------------------------------


@pytest.fixture
def suite(monkeypatch, one_thread_granted):
    """The command with three rows on a fake clock: one met, one missed, one wrong."""
    clock = FakeClock()
    base = side(clock, BASE, 4.0)
    table = (
        ratio_row(side(clock, OURS, 1.0), base, name="good", goal=0.1),
        ratio_row(side(clock, OURS, 3.0), base, name="slow"),
        ratio_row(side(clock, OURS, 1.0, gradient=2.0), base, name="wrong"),
    )
    monkeypatch.setitem(command.SUITES, "engine", table)
    monkeypatch.setattr(command, "Settings", lambda **chosen: Settings(clock=clock, **chosen))
    return clock


def test_the_run_folder(suite, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["engine", "--repeats", "2", "--out", str(out)]) == 1
    assert sorted(path.name for path in out.iterdir()) == [
        *("bench.json", "claims.json", "config.json", "figure.png", "figure.svg", "run.json")
    ]
    printed = capsys.readouterr().out
    assert "minigrad 0.25: bar 0.50 met; goal 0.10 not reached" in printed
    assert "minigrad 0.75: bar 0.50 MISSED" in printed
    assert "1 hold, 2 do not, 0 reported" in printed
    assert [claim["holds"] for claim in json.loads((out / "claims.json").read_text())] == [True, False, False]
    assert json.loads((out / "config.json").read_text())["repeats"] == 2
    assert json.loads((out / "run.json").read_text())["command"].startswith("python -m experiments bench engine")


def test_bench_json_says_on_what_and_how_and_keeps_every_repetition(suite, tmp_path):
    main(["engine", "--repeats", "2", "--out", str(tmp_path / "run")])
    bench = json.loads((tmp_path / "run" / "bench.json").read_text())
    assert bench["schema"] == 1 and bench["suite"] == "engine"
    assert bench["machine"]["cpu"] and bench["machine"]["cores"] >= 1
    assert set(bench["machine"]["python"]) >= {"version", "PGO", "LTO", "ns per empty function call"}
    assert bench["machine"]["numpy"]["blas"] and bench["machine"]["versions"]["numpy"] == np.__version__
    assert bench["conditions"]["threads"] == 1
    assert bench["conditions"]["cyclic garbage collector"].startswith("on")
    good, slow, wrong = bench["rows"]
    assert (good["obtained"], good["bar"], good["goal"], good["holds"]) == (0.25, 0.5, 0.1, True)
    assert slow["holds"] is False
    assert wrong["holds"] is False and wrong["lines"] == [] and "differs" in wrong["refused"]
    ours, base = good["lines"]
    assert ours["side"] == OURS and ours["seconds"] == [1.0, 1.0]
    assert ours["ratio"] == {"median": 0.25, "q1": 0.25, "q3": 0.25}
    assert base["microseconds"]["median"] == pytest.approx(4e5)
    assert good["worst deviation of the gradients"] == {OURS: 0.0, BASE: 0.0}


def test_only_measures_the_named_row(suite, tmp_path):
    assert main(["engine", "--only", "good", "--repeats", "1", "--out", str(tmp_path / "run")]) == 0
    assert [row["name"] for row in json.loads((tmp_path / "run" / "bench.json").read_text())["rows"]] == ["good"]


def test_an_interrupted_run_keeps_the_rows_it_measured(suite, tmp_path, monkeypatch):
    measure = command.measure

    def interrupt(row, settings):
        if row.name == "slow":
            raise KeyboardInterrupt
        return measure(row, settings)

    monkeypatch.setattr(command, "measure", interrupt)
    with pytest.raises(KeyboardInterrupt):
        main(["engine", "--repeats", "1", "--out", str(tmp_path / "run")])
    assert [row["name"] for row in json.loads((tmp_path / "run" / "bench.json").read_text())["rows"]] == ["good"]
    assert not (tmp_path / "run" / "claims.json").exists()


def test_mistakes_on_the_command_line(suite, tmp_path, capsys):
    with pytest.raises(UsageError, match=r"--only goud: no such row \(did you mean 'good'\?\)"):
        main(["engine", "--only", "goud", "--out", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").touch()
    with pytest.raises(UsageError, match="never written over"):
        main(["engine", "--out", str(tmp_path / "full")])
    with pytest.raises(SystemExit) as exit:
        main(["engine", "--repeats", "0"])
    assert exit.value.code == 2 and "at least one repetition" in capsys.readouterr().err


def test_help_lists_the_rows_with_their_bars(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["engine", "--help"])
    printed = capsys.readouterr().out
    assert exit.value.code == 0
    for row in engine.ROWS:
        assert f"{row.name:<14} {row.statement}" in printed and f"[bar {row.bar:g}" in printed
