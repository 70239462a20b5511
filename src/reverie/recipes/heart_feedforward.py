"""Heart disease of Cleveland's patients, 303 rows (Detrano et al. 1989; UCI), beside gradient boosting: is there any, 1
to 4 in the file, or none, 0, as nearly all who use the set ask."""

from reverie.recipes.boosting import beside

RECIPE = beside("heart disease of Cleveland", "heart-disease", {"predict": "diagnosis>0"}, repeats=5)
