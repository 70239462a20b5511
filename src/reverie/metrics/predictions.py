"""How good predictions are: pure functions of probabilities or numbers and of the truth."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn import metrics as sk

from reverie.metrics import Metric, Z, size_name, wilson

BINS = 15  # of equal width, of a calibration error (Guo et al. 2017, arXiv:1706.04599)
DRAWS = 200  # of answers, by which a floor is set
SEED = 20170614  # of those draws
HELD_OUT = "evenly spaced held-out items"


def of_classes(probabilities: np.ndarray, truth: np.ndarray, names: tuple[str, ...] = ()) -> list[Metric]:
    """Of probabilities (N, n) and the numbers of the true classes (N,): accuracy over all items and of each class,
    balanced accuracy, F1, ROC AUC, average precision, log-loss and Brier score. Measures over classes are plain means
    over those that occur; the ones that need two classes are left out where there is one."""
    found, count = probabilities.argmax(1), len(truth)
    there = np.unique(truth)
    name = size_name(count)
    often = np.bincount(truth).max() / count
    right = found == truth
    low, high = wilson(int(right.sum()), count)
    said = f"{HELD_OUT}; 95 % Wilson interval"
    best = f"{said}; reference: always the most frequent class"
    out = [Metric(f"accuracy_{name}", float(right.mean()), "share right", count, best, low, high, reference=often)]
    if len(there) > 1:
        out += over_classes(probabilities, truth, there)
    row = np.arange(count)
    nats = -np.log(np.maximum(probabilities[row, truth], np.finfo(np.float64).tiny))
    out.append(Metric(f"log_loss_{name}", float(nats.mean()), "nats an item", count, HELD_OUT, *interval(nats)))
    wanted = np.zeros_like(probabilities)
    wanted[row, truth] = 1
    brier = float(((probabilities - wanted) ** 2).sum(1).mean())
    out.append(Metric(f"brier_{name}", brier, "squared distance", count, f"{HELD_OUT}; summed over classes"))
    for k in there:
        own = right[truth == k]
        low, high = wilson(int(own.sum()), len(own))
        label = names[k] if k < len(names) else str(k)
        alone = f"{said}, of this class alone"
        out.append(Metric(f"accuracy[{label}]", float(own.mean()), "share right", len(own), alone, low, high))
    return out


def over_classes(probabilities: np.ndarray, truth: np.ndarray, there: np.ndarray) -> list[Metric]:
    """Means over the classes that occur: each weighs alike, however rare it is."""
    count, found = len(truth), probabilities.argmax(1)
    each = f"{HELD_OUT}; mean over the {len(there)} classes that occur"
    one = f"{each}, each against the rest"
    ranked: list[tuple[str, Callable[[np.ndarray, np.ndarray], float]]] = [
        ("roc_auc", sk.roc_auc_score),
        ("average_precision", sk.average_precision_score),
    ]
    chance, guess = 1 / len(there), f"{each}; reference: chance"
    balanced = float(sk.recall_score(truth, found, labels=there, average="macro"))
    f1 = float(sk.f1_score(truth, found, labels=there, average="macro", zero_division=0.0))
    name = size_name(count)
    out = [
        Metric(f"balanced_accuracy_{name}", balanced, "share right", count, guess, reference=chance),
        Metric(f"f1_macro_{name}", f1, "share", count, each),
    ]
    binary = probabilities.shape[1] == 2  # the second class against the first: both ways give the same AUC
    for label, score in ranked:
        positive = [1] if binary else there
        value = float(np.mean([score(truth == k, probabilities[:, k]) for k in positive]))
        how = f"{HELD_OUT}; the second class against the first" if binary else one
        out.append(Metric(f"{label}_{name}", value, "area", count, how))
    return out


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: the mean distance between confidence (N,) and how often it is right (N,), over 15
    bins of equal width, weighted by their items. Naeini et al. 2015; Guo et al. 2017, arXiv:1706.04599."""
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def calibrated(probabilities: np.ndarray, truth: np.ndarray, name: str, protocol: str) -> Metric:
    """Calibration error of the most probable class. Its floor is what a calibrated predictor of the same confidences
    stays below in 95 % of draws: the error is a mean of distances and so above 0 by chance alone, which an interval
    from resampled items would not say. Bröcker & Smith 2007, "Increasing the Reliability of Reliability Diagrams"."""
    confidence = probabilities.max(1)
    right = (probabilities.argmax(1) == truth).astype(float)
    chance = torch.Generator().manual_seed(SEED)
    drawn = torch.rand(DRAWS, len(right), generator=chance, dtype=torch.float64).numpy() < confidence
    by_chance = [calibration_error(confidence, hit.astype(float)) for hit in drawn]
    value, count = calibration_error(confidence, right), len(truth)
    said = f"{protocol}; {BINS} bins of equal width; floor: 95 % quantile of a calibrated predictor, {DRAWS} draws"
    return Metric(f"{name}_{size_name(count)}", value, "share", count, said, floor=float(np.quantile(by_chance, 0.95)))


def of_labels(probabilities: np.ndarray, truth: np.ndarray, names: tuple[str, ...] = ()) -> list[Metric]:
    """Of probabilities (N, L) of several labels and which of them hold (N, L): how many are right at a half, how often
    all of an item's are, F1 over all answers (micro) and as a plain mean over labels (macro), the ROC AUC of each label
    and its mean, log-loss. A label without both states among the items has no AUC and is left out of macro means."""
    count, held = len(truth), truth.astype(bool)
    found = probabilities > 0.5
    right = found == held
    said = f"{HELD_OUT}, over {truth.shape[1]} labels, each held to be there above 0.5"
    often = float(np.maximum(held.mean(0), 1 - held.mean(0)).mean())
    reference, name = f"{said}; reference: each label's more frequent state", size_name(count)
    out = [Metric(f"accuracy_{name}", float(right.mean()), "share right", count, reference, reference=often)]
    whole = right.all(1)
    combinations = np.unique(held, axis=0, return_counts=True)[1]
    exact = f"{said}; all of an item's right; 95 % Wilson interval; reference: always the most frequent combination"
    bounds, best = wilson(int(whole.sum()), count), float(combinations.max() / count)
    out.append(Metric(f"exact_match_{name}", float(whole.mean()), "share right", count, exact, *bounds, reference=best))
    mixed = np.flatnonzero(held.any(0) & ~held.all(0)).tolist()
    macro = f"{said}; mean over the {len(mixed)} labels that hold for some and not for all"
    out.append(Metric(f"f1_micro_{name}", float(f1(found.ravel(), held.ravel())), "share", count, said))
    areas = {k: float(sk.roc_auc_score(held[:, k], probabilities[:, k])) for k in mixed}
    if areas:
        each = [f1(found[:, k], held[:, k]) for k in mixed]
        out.append(Metric(f"f1_macro_{name}", float(np.mean(each)), "share", count, macro))
        out.append(Metric(f"roc_auc_macro_{name}", float(np.mean(list(areas.values()))), "area", count, macro))
    chance = np.where(held, probabilities, 1 - probabilities)
    nats = -np.log(np.maximum(chance, np.finfo(np.float64).tiny)).sum(1)
    summed = f"{HELD_OUT}; summed over {truth.shape[1]} labels"
    out.append(Metric(f"log_loss_{name}", float(nats.mean()), "nats an item", count, summed, *interval(nats)))
    for k in range(truth.shape[1]):
        low, high = wilson(int(right[:, k].sum()), count)
        label = names[k] if k < len(names) else str(k)
        out.append(Metric(f"accuracy[{label}]", float(right[:, k].mean()), "share right", count, said, low, high))
        if k in areas:
            out.append(Metric(f"roc_auc[{label}]", areas[k], "area", count, f"{HELD_OUT}; this label alone"))
    return out


def interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """The 95 % normal interval of the mean of independent values (N,); one value has none."""
    if len(values) < 2:
        return None, None
    mean, half = float(values.mean()), Z * float(values.std(ddof=1)) / float(np.sqrt(len(values)))
    return mean - half, mean + half


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    """2 TP / (2 TP + FP + FN) of answers (N,) and truth (N,); 0 where neither says yes."""
    both, either = int((found & truth).sum()), int(found.sum()) + int(truth.sum())
    return 2 * both / either if either else 0.0


def of_numbers(found: np.ndarray, truth: np.ndarray, unit: str) -> list[Metric]:
    """Of numbers (N, …) in one unit: root of the mean squared error, mean absolute error, share of the variance that is
    explained. The reference is the best constant."""
    wrong, count = found.astype(float) - truth, len(truth)
    square, name = wrong.reshape(count, -1) ** 2, size_name(count)
    of_items = square.mean(1)
    mean = float(of_items.mean())
    constant = float(np.sqrt(((truth - truth.mean(0)) ** 2).mean()))
    said = f"{HELD_OUT}; 95 % normal interval of the mean square; reference: the best constant"
    low, high = (None if end is None else float(np.sqrt(max(0.0, end))) for end in interval(of_items))
    absolute = float(np.abs(wrong).mean())
    out = [
        Metric(f"rmse_{name}", float(np.sqrt(mean)), unit, count, said, low, high, reference=constant),
        Metric(f"mae_{name}", absolute, unit, count, HELD_OUT),
    ]
    if constant:
        out.append(Metric(f"r2_{name}", 1 - mean / constant**2, "share of the variance", count, HELD_OUT))
    return out


def of_intervals(low: np.ndarray, high: np.ndarray, truth: np.ndarray, level: float) -> list[Metric]:
    """How often intervals hold the truth, and how wide they are."""
    inside, count = ((low <= truth) & (truth <= high)).reshape(len(truth), -1), len(truth)
    said = f"{HELD_OUT}; split-conformal intervals that promise {level:.0%}"
    bounds = wilson(float(inside.mean()) * count, count)
    name = size_name(count)
    covered = Metric(f"coverage_{name}", float(inside.mean()), "share", count, said, *bounds, reference=level)
    return [covered, Metric(f"width_{name}", float((high - low).mean()), "unit of the target", count, said)]
