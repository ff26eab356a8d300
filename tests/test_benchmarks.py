"""The arithmetic and the words of the benchmark's table. Nothing is timed here."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import coverage, five_tasks, mnist1d, render
from benchmarks.peers import PEERS, Peer
from benchmarks.rounds import Measurement, PeerProcess
from benchmarks.summary import Loss, distance, judge, loss_of, summarize
from benchmarks.tasks import TASKS, Task, make_data, score


def measured(peer: str, seconds: list[float], **more: object) -> Measurement:
    return Measurement("line", peer, n_networks=4, seconds=seconds, **more)


def test_every_peer_has_a_file_and_a_number_of_networks_for_every_task() -> None:
    folder = Path(five_tasks.__file__).parent / "peers"

    for peer in PEERS:
        assert (folder / f"{peer.module}.py").exists()
        assert list(peer.networks) == list(TASKS)


def test_data_are_the_same_each_time_standardized_and_of_all_classes() -> None:
    for task in TASKS.values():
        x, y = make_data(task)

        assert x.shape == (task.rows, task.widths[0])
        np.testing.assert_array_equal(x, make_data(task)[0])
        np.testing.assert_allclose(x.mean(axis=0, dtype=float), 0, atol=1e-6)
        np.testing.assert_allclose(x.std(axis=0, dtype=float), 1, atol=1e-6)
        if task.is_class:
            assert sorted(set(y.tolist())) == list(range(task.widths[-1]))
        else:
            assert y.std(dtype=float) == pytest.approx(1, abs=1e-6)


def test_flops_count_two_products_for_the_first_layer_and_three_for_the_others() -> None:
    # 2·3 products a row forward, twice with the weights' gradient; 3·1 forward, weights and inputs; two flops each.
    task = Task("tiny", (2, 3, 1), rows=5, batch=5, steps=7)

    assert task.flops == (2 * (2 * 3 * 2) + 3 * (3 * 1 * 2)) * 5 * 7


def test_a_share_of_a_task_keeps_everything_but_the_steps() -> None:
    digits = TASKS["digits"]

    assert digits.shortened(0.25).steps == 225
    assert digits.shortened(1.0) == digits
    assert TASKS["wide"].shortened(0.001).steps == 1


def test_score_of_a_known_network_is_what_numpy_says_by_hand() -> None:
    line = TASKS["line"]
    x, y = make_data(line)
    # Two hidden units carry x⁺ and x⁻, so that the network is y = slope · x exactly; the second network is 0.
    weights = [np.zeros((2, 1, 10)), np.zeros((2, 10, 1))]
    weights[0][0, 0, :2] = [1.0, -1.0]
    weights[1][0, :2, 0] = [0.5, -0.5]
    biases = [np.zeros((2, 10)), np.zeros((2, 1))]

    losses = score(line, weights, biases)

    np.testing.assert_allclose(
        losses, [np.mean((0.5 * x.astype(float) - y) ** 2), np.mean(y.astype(float) ** 2)]
    )


def test_score_of_a_network_of_zeros_is_the_entropy_of_guessing() -> None:
    wide = TASKS["wide"]
    shapes = [(64, 256), (256, 256), (256, 10)]

    losses = score(wide, [np.zeros((1, *s)) for s in shapes], [np.zeros((1, s[1])) for s in shapes])

    assert losses == pytest.approx([math.log(10)])


def test_times_are_milliseconds_for_one_network_and_ratios_are_to_manyfit() -> None:
    own = measured("manyfit", [0.8, 0.4, 0.5], core_seconds=[0.6, 0.2, 0.3])
    other = measured("JAX jit(vmap(scan))", [2.0, 1.6])

    entry, peer = summarize([own, other])

    assert (entry.whole_ms, entry.median_ms, entry.core_ms) == (100, 125, 50)
    assert (entry.over_whole, entry.over_core) == (None, None)
    assert (peer.whole_ms, peer.over_whole, peer.over_core) == (400, 4, 8)


def test_seconds_of_a_share_of_the_steps_are_scaled_and_its_losses_left_out() -> None:
    measurement = measured("torch.func vmap", [], share=0.25)

    measurement.add(
        {
            "seconds": 0.5,
            "core_seconds": None,
            "compile_seconds": None,
            "losses": [1.0],
            "note": "",
            "undisturbed": 0.5,
        }
    )

    assert measurement.seconds == [2.0]
    assert measurement.losses == []
    assert summarize([measurement])[0].note == "ran 25% of the steps, scaled"


def test_verdict_takes_the_better_prototype_and_the_core() -> None:
    verdict = judge(
        [
            measured("manyfit", [9.0, 9.0], core_seconds=[1.0, 2.0], losses=[1.0, 1.2, 1.1]),
            measured("prototype across", [0.95, 3.0], core_seconds=[0.95, 3.0]),
            measured("prototype within", [1.2, 1.3], core_seconds=[1.2, 1.3]),
            measured("PyTorch loop", [50.0], losses=[1.0, 1.1]),
        ]
    )[0]

    assert verdict.ratio == pytest.approx(0.95)
    assert verdict.is_fast
    assert verdict.median_ratio == pytest.approx(1.25 / 1.5)
    # means 1.1 and 1.05; variances 0.01 and 0.005; √(0.01/3 + 0.005/2)
    assert verdict.distance == pytest.approx(0.05 / math.sqrt(0.01 / 3 + 0.005 / 2))
    assert verdict.is_alike


def test_verdict_says_slow_and_different_when_they_are() -> None:
    verdict = judge(
        [
            measured("manyfit", [1.0], core_seconds=[1.0], losses=[2.0, 2.1]),
            measured("prototype within", [0.5], core_seconds=[0.5]),
            measured("PyTorch loop", [1.0], losses=[1.0, 1.1]),
        ]
    )[0]

    assert "0.50 < 0.9" in render.verdict_text(verdict)
    assert "DIFFERS from PyTorch's" in render.verdict_text(verdict)


def test_verdict_without_prototypes_or_pytorch_says_so() -> None:
    text = render.verdict_text(judge([measured("manyfit", [1.0], core_seconds=[1.0], losses=[1.0])])[0])

    assert text == "line: prototype / manyfit core: not measured; loss against PyTorch: not compared"


def test_a_diverged_network_is_counted_and_never_averaged_away() -> None:
    loss = loss_of([0.5, float("nan"), float("inf")])

    assert loss is not None and loss.mean == math.inf
    assert render.loss_text(loss) == "2 of 3 diverged"
    assert distance(loss, Loss(0.5, 0.1, 3, 0)) is None


def test_peer_that_is_not_there_is_one_line_below_the_table() -> None:
    absent = measured("JAX jit(vmap(scan))", [], absent="jax is not installed (pip install jax optax)")
    entries = summarize([measured("manyfit", [1.0]), absent])

    assert [line[1] for line in render.lines(entries)[0]] == ["manyfit", "", "", "", ""]
    assert render.closing_lines(entries, []) == [
        "JAX jit(vmap(scan)) (line): not run: jax is not installed (pip install jax optax)"
    ]


def test_a_section_shorter_than_its_task_still_tells_all_of_it() -> None:
    two = [measured("manyfit", [1.0]), measured("PyTorch loop", [1.0])]

    section = render.lines(summarize(two))[0]

    assert [line[0] for line in section] == ["line", "1-10-1", "100 rows", "100 steps", "of 100"]
    assert [line[1] for line in section] == ["manyfit", "PyTorch loop", "", "", ""]
    assert {len(line) for line in section} == {len(render.COLUMNS)}


def test_markdown_rows_have_a_cell_for_every_column() -> None:
    measurements = [measured("manyfit", [1.0], core_seconds=[0.5], losses=[0.25, 0.75])]

    text = render.markdown(summarize(measurements), judge(measurements), {"cores": "2"})

    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {len(render.COLUMNS) + 1}
    assert "0.500 ± 0.354 (2)" in rows[2]


def test_command_measures_what_it_is_asked_for_and_writes_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    asked = {}

    def fake(tasks, peers, **settings):
        settings["tell"]("round 1 of 2: line, manyfit")
        settings["tell"]("round 1 of 2: line, PyTorch loop")
        asked.update(settings, tasks=[t.name for t in tasks], peers=[p.name for p in peers])
        return [measured("manyfit", [1.0], core_seconds=[0.5], losses=[0.25])]

    monkeypatch.setattr(five_tasks, "measure", fake)
    with pytest.raises(SystemExit) as stopped:
        five_tasks.main(["--quick", "--tasks", "line", "--peers", "manyfit;proto", "--json", "-"])

    assert stopped.value.code == 0
    assert asked["n_rounds"] == 2 and asked["is_quick"]
    assert asked["tasks"] == ["line"]
    assert asked["peers"] == ["manyfit", "prototype across", "prototype within"]
    printed = capsys.readouterr()
    assert json.loads(printed.out)["table"][0]["whole_ms"] == 250
    assert printed.err.strip() == "round 1 of 2"


def test_a_peer_that_broke_ends_the_command_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(five_tasks, "measure", lambda *_, **__: [measured("manyfit", [], failed="no memory")])

    with pytest.raises(SystemExit) as stopped:
        five_tasks.main([])

    assert stopped.value.code == 1


def test_unknown_peer_is_refused_with_the_names_of_all(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stopped:
        five_tasks.main(["--peers", "keras"])

    assert stopped.value.code == 2
    assert "unknown peer 'keras'" in capsys.readouterr().err


def test_a_peer_whose_module_is_missing_is_absent_and_says_how_to_get_it() -> None:
    process = PeerProcess(Peer("other", "other", {"line": 4}, how="pip install other"), core=0)

    answer = process.train(TASKS["line"], share=1.0, seed=0)
    process.close()

    assert answer == {"absent": "benchmarks.peers.other is not installed (pip install other)"}


def test_a_peer_that_breaks_leaves_its_last_words() -> None:
    process = PeerProcess(Peer("prototype", "prototype", {"line": 4}, {"wrong": 1}), core=0)

    answer = process.train(TASKS["line"], share=1.0, seed=0)
    again = process.train(TASKS["line"], share=1.0, seed=1)
    process.close()

    assert again == answer
    assert answer["failed"].startswith("TypeError: train() got an unexpected keyword argument")


def test_mnist1d_is_made_as_the_authors_package_makes_it() -> None:
    data = mnist1d.make_data()

    assert [each.shape for each in data] == [(4000, 40), (4000,), (1000, 40), (1000,)]
    # Numbers of `mnist1d.make_dataset(get_dataset_args())`, package version 0.0.2.post1.
    np.testing.assert_allclose(data.X[0, :4], [-0.33200567, -0.47191037, -0.77869708, -1.00974083], atol=1e-8)
    np.testing.assert_allclose(data.X_test[-1, -3:], [0.65987565, 0.87773435, 1.19315184], atol=1e-8)
    assert data.y[:12].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1, 6, 9]
    assert data.y_test[-4:].tolist() == [5, 9, 6, 4]


def test_tables_of_coverage_have_as_many_simulations_as_the_page_shows() -> None:
    page = (Path(__file__).parents[1] / "docs/statistics.md").read_text("utf-8")
    shown = [int(n) for n in re.findall(r"^### .*(?:% of|in) (\d{3,})", page, re.M)]

    assert shown == [n for _, n in coverage.PARTS.values()]


def test_table_of_coverage_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(SystemExit, match="no table winner; there are: means, rows"):
        coverage.main(["winner"])


def test_same_recipe_rarely_wins_in_what_coverage_simulates() -> None:
    assert sum(coverage.false_winners(2, (10,), seed) for seed in range(40)) <= 5  # a twentieth, and two standard errors
