"""What the tests of bad pictures share."""

import io

import numpy as np
import pytest
from PIL import Image

from reverie.errors import Problem
from reverie.kinds import DataOptions
from reverie.kinds.image import open as open_images


def png(shade=0, size=(8, 8)):
    data = io.BytesIO()
    y, x = np.mgrid[: size[1], : size[0]]
    Image.fromarray(((x * 37 + y * 91 + shade) % 251).astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


def problem(path, **options) -> str:
    with pytest.raises(Problem) as caught:
        open_images(str(path), DataOptions(**options)).prepare()
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.code == 2
    assert str(path).split("/")[-1] in text
    return text
