"""An ensemble of feed-forward networks on the Adult census data, beside scikit-learn's gradient boosting.

Gorishniy et al. 2025 (TabM, arXiv:2410.24210): such networks equal boosted trees on tables."""

from reverie.recipes import Recipe
from reverie.recipes.boosting import auc

RECIPE = Recipe(
    title="Feed-forward ensemble on Adult, standard split; ROC AUC less that of scikit-learn's HistGradientBoosting",
    source="scikit-learn's HistGradientBoostingClassifier with its defaults, in the same run",
    published="boosting's own AUC on the same rows: 0 is equal",
    data="adult",
    model="feedforward",
    set="small",
    options={"predict": "c15", "test": "adult-test"},
    measure=auc,
    goal=-0.003,
    higher=True,
)
