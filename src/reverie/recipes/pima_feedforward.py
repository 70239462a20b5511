"""Diabetes among the Pima, 768 rows (Smith et al. 1988), beside gradient boosting."""

from reverie.recipes.boosting import beside

RECIPE = beside("Pima Indians diabetes", "pima", {"predict": "c9"}, repeats=5)
