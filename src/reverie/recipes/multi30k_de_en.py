"""Descriptions of pictures from German into English (Elliott et al. 2016, arXiv:1605.00459), from 29,000 pairs."""

from dataclasses import replace

from reverie.recipes.multi30k_en_de import RECIPE as EN_DE

RECIPE = replace(
    EN_DE,
    title="Transformer of 2.1 million parameters on Multi30k, German to English; BLEU on test_2016_flickr",
    options={**EN_DE.options, "column": "de", "predict": "en"},
    goal=37.0,
)
