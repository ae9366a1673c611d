"""What a stored cell output may hold: what the cell shows, nothing of the machine it ran on."""

import copy
import re

from nbformat import NotebookNode

from coursetools.pictures import strip_encoded

_ADDRESS = re.compile(r"<[^\n]{,200}? at 0x[0-9a-fA-F]{6,}>?")
_WIDGET = "application/vnd.jupyter.widget-view+json"


def scrub(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs without stderr, widgets, transient data, PNG notes and traceback paths.

    Pieces of stdout that follow each other are joined: how a kernel cuts them is chance.
    """
    scrubbed: list[NotebookNode] = []
    for output in copy.deepcopy(outputs):
        output.pop("transient", None)
        if output.output_type == "stream":
            _add_stream(scrubbed, output)
        elif output.output_type == "error":
            output.traceback = [f"{output.ename}: {output.evalue}"]
            scrubbed.append(output)
        elif data := _data(output.data):
            output.data = data
            scrubbed.append(output)
    return scrubbed


def _add_stream(outputs: list[NotebookNode], stream: NotebookNode) -> None:
    if stream.name == "stderr":
        return
    if outputs and outputs[-1].output_type == "stream":
        outputs[-1].text += stream.text
    else:
        outputs.append(stream)


def _data(data: NotebookNode) -> NotebookNode:
    kept = {mime: value for mime, value in data.items() if mime != _WIDGET}
    if "image/png" in kept:
        kept["image/png"] = strip_encoded(kept["image/png"])
    return NotebookNode(kept)


def address(outputs: list[NotebookNode]) -> str | None:
    """A memory address that the outputs show (`<Line2D at 0x7f8f8d83e290>`): new in every run."""
    for output in outputs:
        texts = [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
        for text in texts:
            if found := _ADDRESS.search(text):
                return found[0]
    return None


def number(notebook: NotebookNode) -> None:
    """Number the executed code cells and their results 1 to n, in place."""
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
