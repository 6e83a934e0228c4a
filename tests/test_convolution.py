"""The layers of networks against plain sums and, where it is installed, torch."""

from __future__ import annotations

import numpy as np
import pytest

from music_analysis.convolution import conv1d, elu, relu, sigmoid, softmax


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("taps", "dilation"), [(1, 1), (3, 1), (5, 2), (9, 16)])
@pytest.mark.parametrize("length", [1, 2, 50, 2500])
def test_conv1d_is_the_sum_that_it_says(taps: int, dilation: int, length: int) -> None:
    rows, weight, bias = _random(length, 4), _random(taps, 4, 3), _random(3)
    reach = taps // 2 * dilation
    padded = np.pad(rows.astype(np.float64), ((reach, reach), (0, 0)))
    expected = bias + sum(
        padded[tap * dilation : tap * dilation + length] @ weight[tap] for tap in range(taps)
    )
    found = conv1d(rows, weight, bias, dilation=dilation)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_conv1d_of_nothing_and_with_even_taps() -> None:
    assert conv1d(_random(0, 4), _random(3, 4, 2), _random(2)).shape == (0, 2)
    with pytest.raises(ValueError, match="odd"):
        conv1d(_random(5, 4), _random(4, 4, 2), _random(2))


def test_layers_equal_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rows, weight, bias = _random(3000, 6), _random(5, 6, 7), _random(7)
    layer = torch.nn.functional.conv1d(
        torch.from_numpy(rows.T)[None],
        torch.from_numpy(weight.transpose(2, 1, 0).copy()),
        torch.from_numpy(bias),
        padding=4,
        dilation=2,
    )
    found = conv1d(rows, weight, bias, dilation=2)
    np.testing.assert_allclose(found, layer[0].T.numpy(), atol=1e-5)
    tensor = torch.from_numpy(found.copy()) * 5
    scaled = 5 * found
    for mine, theirs in (
        (elu, torch.nn.functional.elu),
        (relu, torch.relu),
        (sigmoid, torch.sigmoid),
        (softmax, lambda x: torch.softmax(x, dim=-1)),
    ):
        np.testing.assert_allclose(mine(scaled.copy()), theirs(tensor).numpy(), atol=1e-6)


def test_extremes_stay_finite() -> None:
    rows = np.array([[-1e4, 0.0, 1e4]], np.float32)
    np.testing.assert_allclose(softmax(rows), [[0, 0, 1]])
    np.testing.assert_allclose(sigmoid(rows), [[0, 0.5, 1]])
    np.testing.assert_allclose(elu(rows.copy()), [[-1, 0, 1e4]])
    np.testing.assert_allclose(relu(rows.copy()), [[0, 0, 1e4]])
