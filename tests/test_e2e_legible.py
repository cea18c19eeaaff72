"""What the notebooks show can be read on a white page and on a black one: marks in prose and in stored outputs, and figures."""
import base64
import io
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from clinbert_nb.legible import illegible

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = [*sorted((ROOT/'nbs').glob('[0-9]*.ipynb')), ROOT/'index.ipynb']


def shown_by(notebook):
    "Prose and stored outputs of a notebook, as (kind, content)."
    for cell in nbformat.read(notebook, 4).cells:
        if cell.cell_type == 'markdown': yield 'text/html', cell.source
        for output in cell.get('outputs', []): yield from output.get('data', {}).items()


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda path: path.stem)
def test_no_mark_has_a_background_without_a_colour_of_text(notebook):
    assert [style for kind, content in shown_by(notebook) if kind == 'text/html' for style in illegible(content)] == []


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda path: path.stem)
def test_figures_bring_their_own_page(notebook):
    pictures = [content for kind, content in shown_by(notebook) if kind == 'image/png']
    for picture in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(picture))).convert('RGBA')
        assert image.getchannel('A').getextrema() == (255, 255) and image.getpixel((0, 0)) == (255, 255, 255, 255)
