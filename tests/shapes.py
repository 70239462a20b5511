"""The checker of shapes and types that the tests put over maths, nets and metrics (see addopts in pyproject.toml)."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int where a float is asked for is right
