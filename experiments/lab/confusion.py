"""What a classifier gets right, class by class."""

import numpy as np


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """N[i, j], how many examples of class i were taken for class j: (classes, classes) int64, for two (N,) of ids."""
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def accuracy(confusion: np.ndarray) -> float:
    """Σ_i N[i, i] / Σ N."""
    return float(np.trace(confusion) / confusion.sum())


def recall(confusion: np.ndarray) -> np.ndarray:
    """N[i, i] / Σ_j N[i, j] of every class i; nan for a class without examples."""
    return _share(np.diag(confusion), confusion.sum(axis=1))


def macro_recall(confusion: np.ndarray) -> float:
    """The mean of the classes' recalls, over the classes that have examples."""
    return float(np.nanmean(recall(confusion)))


def macro_f1(confusion: np.ndarray) -> float:
    """The mean over those classes of 2 N[i, i] / (Σ_j N[i, j] + Σ_j N[j, i]), precision and recall in one."""
    examples, predictions = confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = _share(2 * np.diag(confusion), examples + predictions)
    return float(f1[examples > 0].mean())


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
