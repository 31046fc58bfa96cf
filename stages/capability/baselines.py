"""What salience must beat: other ways to predict an accuracy, all with the same checkpoints to fit and to test.

    compute          the logarithm of the compute of a checkpoint
    mean loss        every token alike
    best source      the mean loss of one source, the one that fits best
    answer loss      the mean loss on the benchmark's own answers, behind their questions (where they were scored)
    random weights   weights drawn at random
    rare tokens      every token by how often it stands in its text and how few texts have it (TF-IDF)
    excess loss      the tokens that the best checkpoint reads better than the others by most (Lin et al. 2024, Rho-1,
                     arXiv 2404.07965, eq. 3: the top 60 %; the reference model is the checkpoint with the least loss)
    error law        accuracy = 1 - (e - k exp(-g L)), L the mean loss (Gadre et al. 2024, arXiv 2403.08540, eq. 3)
    other benchmarks a line on the first principal component of the other benchmarks (Ruan et al. 2024, arXiv
                     2405.10938, in its simplest form)

All but the last two go through the same curve as salience; these two are held between 0 and 1, where accuracies lie.
"""

# M checkpoints, N tokens

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import log

import numpy as np

from .link import fit_link
from .objective import Measured

EXCESS_SHARE = 0.6
"""Share of the tokens that are chosen by their excess loss."""


def through_curve(scores_M: np.ndarray, one: Measured, floor: float | None) -> np.ndarray:
    """Predictions of all checkpoints from one number each, the curve fitted where the weights are; [M]."""
    kept = one.weights_M > 0
    return fit_link(scores_M[kept], one.accuracies_M[kept], one.weights_M[kept], floor=floor).accuracy(scores_M)


def best_source(losses_MN: np.ndarray, sources_N: np.ndarray, one: Measured, floor: float | None) -> np.ndarray:
    """The mean loss of the source whose curve fits best, chosen on the fitted checkpoints."""
    found = [through_curve(losses_MN[:, sources_N == source].mean(1), one, floor) for source in np.unique(sources_N)]
    return min(found, key=lambda predicted_M: _error(predicted_M, one))


def random_weights(losses_MN: np.ndarray, one: Measured, floor: float | None, seed: int) -> np.ndarray:
    """One draw of weights from the flat Dirichlet distribution."""
    weights_N = np.random.default_rng(seed).exponential(size=losses_MN.shape[1])
    return through_curve(losses_MN @ (weights_N / weights_N.sum()), one, floor)


def rarities(texts: Sequence[Sequence[str]]) -> np.ndarray:
    """The TF-IDF of every token in its text, adding up to 1; [N].

    tf: its share of the text's tokens; idf: ln((1 + texts) / (1 + texts that have it)) + 1.
    """
    having = Counter(token for text in texts for token in set(text))
    weights: list[float] = []
    for text in texts:
        counts = Counter(text)
        weights += [counts[token] / len(text) * (log((1 + len(texts)) / (1 + having[token])) + 1) for token in text]
    return np.array(weights) / sum(weights)


def excess_tokens(losses_MN: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which tokens lose most from the checkpoint with the least loss to the mean of the others; bool [N].

    Args:
        rows: bool: the checkpoints that tell.
    """
    fitted_MN = losses_MN[rows]
    best = int(fitted_MN.mean(1).argmin())
    excess_N = np.delete(fitted_MN, best, axis=0).mean(0) - fitted_MN[best]
    chosen_N = np.zeros(len(excess_N), dtype=bool)
    chosen_N[np.argsort(-excess_N, kind="stable")[: max(1, round(EXCESS_SHARE * len(excess_N)))]] = True
    return chosen_N


def error_law(mean_loss_M: np.ndarray, one: Measured) -> np.ndarray:
    """1 - (e - k exp(-g L)) with the least weighted squared error; [M]."""
    from scipy.optimize import least_squares

    kept = one.weights_M > 0
    loss_M, root_M = mean_loss_M[kept], np.sqrt(one.weights_M[kept])
    centre = loss_M.mean()

    def predict(values: np.ndarray, losses: np.ndarray) -> np.ndarray:
        limit, factor, rate = values
        # The loss is centred, which only scales k and keeps the exponential in range.
        return 1 - (limit - np.exp(np.clip(factor - np.exp(rate) * (losses - centre), -50, 50)))

    spread = float(np.std(loss_M)) or 1.0
    start = [1 - float(one.accuracies_M[kept].min()), np.log(0.1), np.log(1 / spread)]
    found = least_squares(lambda values: root_M * (predict(values, loss_M) - one.accuracies_M[kept]), start)
    return predict(found.x, mean_loss_M)


def other_benchmarks(others_MT: np.ndarray, one: Measured) -> np.ndarray | None:
    """A line on the first principal component of the other benchmarks; None where they were not all measured."""
    if others_MT.shape[1] == 0 or not np.isfinite(others_MT).all():
        return None
    kept = one.weights_M > 0
    centre_T = others_MT[kept].mean(0)
    _, _, axes = np.linalg.svd(others_MT[kept] - centre_T, full_matrices=False)
    component_M = (others_MT - centre_T) @ axes[0]
    line = np.polyfit(component_M[kept], one.accuracies_M[kept], 1, w=np.sqrt(one.weights_M[kept]))
    return np.polyval(line, component_M)


def baselines(
    losses_MN: np.ndarray,
    sources_N: np.ndarray,
    rarity_N: np.ndarray | None,
    compute_M: np.ndarray | None,
    others_MT: np.ndarray,
    one: Measured,
    floor: float | None,
    seed: int,
    answer_loss_M: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Every baseline that the data permit, by name; predictions of all checkpoints, [M].

    Args:
        rarity_N: of `rarities`; None where the words are not known.
        answer_loss_M: on the benchmark's answers; None where they were not scored.
    """
    mean_loss_M = losses_MN.mean(1)
    ways: dict[str, Callable[[], np.ndarray | None]] = {
        "mean loss": lambda: through_curve(mean_loss_M, one, floor),
        "random weights": lambda: random_weights(losses_MN, one, floor, seed),
        "error law": lambda: error_law(mean_loss_M, one),
        "other benchmarks": lambda: other_benchmarks(others_MT, one),
    }
    if rarity_N is not None:
        ways["rare tokens"] = lambda: through_curve(losses_MN @ rarity_N, one, floor)
    if (one.weights_M > 0).sum() >= 2:
        chosen_N = excess_tokens(losses_MN, one.weights_M > 0)
        ways["excess loss"] = lambda: through_curve(losses_MN[:, chosen_N].mean(1), one, floor)
    if compute_M is not None and np.isfinite(compute_M).all():
        ways["compute"] = lambda: through_curve(-np.log(compute_M), one, floor)
    if answer_loss_M is not None:
        ways["answer loss"] = lambda: through_curve(answer_loss_M, one, floor)
    if len(np.unique(sources_N)) > 1:
        ways["best source"] = lambda: best_source(losses_MN, sources_N, one, floor)
    found = {name: way() for name, way in ways.items()}
    return {name: predicted_M.clip(0, 1) for name, predicted_M in found.items() if predicted_M is not None}


def _error(predicted_M: np.ndarray, one: Measured) -> float:
    kept = one.weights_M > 0
    return float((one.weights_M[kept] * (predicted_M[kept] - one.accuracies_M[kept]) ** 2).sum())
