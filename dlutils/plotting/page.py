"""A page with every kind of figure, for looking at after a change."""

import html
from pathlib import Path

from .examples import animation, examples

STYLE = "body{max-width:720px;margin:auto;background:#1e1e1e;color:#ddd}img{max-width:100%}"


def gallery(folder):
    """Draw every kind of figure into `folder` as PNG, with an index.html on a dark page.

    Returns the path of the index. Existing files of these names are replaced.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     plotting.gallery(folder).name
    'index.html'
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, figure in examples().items():
        (folder / f"{name}.png").write_bytes(figure.png())
        parts.append(_part(f"{name}.png", figure.alt))
    moving = animation()
    moving.save(folder / "animate.gif")
    parts.append(_part("animate.gif", moving.alt))
    head = f'<!doctype html><meta charset="utf-8"><title>Figures</title><style>{STYLE}</style>'
    index = folder / "index.html"
    index.write_text("\n".join([head, *parts, ""]), encoding="utf-8")
    return index


def _part(file, alt):
    text = html.escape(alt, quote=True)
    return f'<h2>{file}</h2><img src="{file}" alt="{text}"><p>{text}</p>'
