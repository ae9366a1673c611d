"""What is stored of an output, and when a stored output survives a new execution."""

import base64
import io
import struct
import zlib

import nbformat
import numpy as np
import pytest
from nbformat import v4
from PIL import Image, PngImagePlugin

from coursetools.keep import keep_outputs, skip_compare, texts_equal
from coursetools.outputs import address, number, scrub
from coursetools.pictures import near, strip_encoded, strip_png


def png(pixels, **text):
    notes = PngImagePlugin.PngInfo()
    for key, value in text.items():
        notes.add_text(key, value)
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG", pnginfo=notes, dpi=(100, 100))
    return file.getvalue()


def encoded(pixels, **text):
    return base64.b64encode(png(pixels, **text)).decode()


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PICTURE = np.tile(np.arange(60, dtype=np.uint8) * 4, (40, 1))


def test_png_loses_its_notes_and_nothing_else():
    noted = png(PICTURE, Software="Matplotlib version 9", Author="me")
    at = noted.index(b"IDAT") - 4
    extra = b"".join(chunk(kind, b"x" * 7) for kind in (b"tIME", b"zTXt", b"iTXt", b"eXIf"))
    stripped = strip_png(noted[:at] + extra + noted[at:])
    assert stripped == png(PICTURE)
    for kind in (b"tEXt", b"tIME", b"zTXt", b"iTXt", b"eXIf"):
        assert kind not in stripped
    assert b"pHYs" in stripped
    assert (np.asarray(Image.open(io.BytesIO(stripped))) == PICTURE).all()


def test_png_stripping_leaves_other_data_alone():
    assert strip_png(b"GIF89a") == b"GIF89a"
    assert strip_encoded("no base64!") == "no base64!"
    once = strip_encoded(encoded(PICTURE, Software="x"))
    assert strip_encoded(once) == once


def test_scrubbing_drops_what_differs_by_machine_and_joins_stdout():
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    outputs = [
        v4.new_output("stream", name="stdout", text="a"),
        v4.new_output("stream", name="stderr", text="warning"),
        v4.new_output("stream", name="stdout", text="b\n"),
        v4.new_output("display_data", data={**widget, "text/plain": "Slider()"}),
        v4.new_output("display_data", data=widget),
        v4.new_output("display_data", data={"image/png": encoded(PICTURE, Software="x") + "\n"}),
        v4.new_output("error", ename="E", evalue="v", traceback=["/home/me/x.py", "E: v"]),
    ]
    outputs[5]["transient"] = {"display_id": "1"}
    scrubbed = scrub(outputs)
    assert [o.output_type for o in scrubbed] == ["stream", "display_data", "display_data", "error"]
    assert scrubbed[0].text == "ab\n"
    assert scrubbed[1].data == {"text/plain": "Slider()"}
    assert scrubbed[2].data == {"image/png": encoded(PICTURE)}
    assert "transient" not in scrubbed[2]
    assert scrubbed[3].traceback == ["E: v"]
    assert scrub(scrubbed) == scrubbed
    assert outputs[1].text == "warning"


def test_pictures_are_near_up_to_rounding_only():
    rounding = PICTURE.copy()
    rounding[::2] += 1
    rounding[10, 10] += 40
    digit = PICTURE.copy()
    digit[5:10, 5:8] = 255 - digit[5:10, 5:8]
    shifted = np.roll(PICTURE, 1, axis=1)
    assert near(encoded(PICTURE), encoded(rounding))
    assert not near(encoded(PICTURE), encoded(digit))
    assert not near(encoded(PICTURE), encoded(shifted))
    assert not near(encoded(PICTURE), encoded(PICTURE[:, :-1]))
    assert not near(encoded(PICTURE), "AAAA")


def test_a_curve_that_moved_by_a_pixel_is_another_picture():
    canvas, moved = np.full((2, 200, 300), 255, np.uint8)
    for x in range(20, 280):
        canvas[100 + x // 10, x] = 0
        moved[101 + x // 10, x] = 0
    assert np.mean(canvas != moved) < 0.01
    assert not near(encoded(canvas), encoded(moved))


def test_our_skipped_keys_are_those_of_nbval_and_stderr(request, tmp_path):
    from nbval.plugin import IPyNbFile

    (tmp_path / "x.ipynb").write_text(nbformat.writes(v4.new_notebook()))
    theirs = IPyNbFile.from_parent(request.session, path=tmp_path / "x.ipynb").skip_compare
    assert set(skip_compare()) == {*theirs, "stderr"}


def stdout(text):
    return [v4.new_output("stream", name="stdout", text=text)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (
            "accuracy 0.9917 (at least 0.99): holds\n",
            "accuracy 0.9933 (at least 0.99): holds\n",
            True,
        ),
        ("gap 2.4e-07 (at most 1e-05): holds\n", "gap 0 (at most 1e-05): holds\n", True),
        ("r -0.31 (between -0.5 and 0.5): holds\n", "r 0.2 (between -0.5 and 0.5): holds\n", True),
        (
            "accuracy 0.9917 (at least 0.99): holds\n",
            "accuracy 0.9917 (at least 0.98): holds\n",
            False,
        ),
        (
            "recall 0.9917 (at least 0.99): holds\n",
            "accuracy 0.9917 (at least 0.99): holds\n",
            False,
        ),
        ("loss 0.31\n", "loss 0.32\n", False),
        (
            "05_cnns: tensorflow on cpu, profile quick, seed 5\n",
            "05_cnns: jax on gpu, profile quick, seed 5\n",
            True,
        ),
        (
            "05_cnns: tensorflow on cpu, profile quick, seed 5\n",
            "05_cnns: tensorflow on cpu, profile full, seed 5\n",
            False,
        ),
    ],
)
def test_the_sanitiser_hides_figures_and_machine_but_no_claim(one, other, same):
    assert texts_equal(stdout(one), stdout(other)) is same


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[<Line2D at 0x7f8f8d83e290>]", "<Line2D at 0x7f8f8d83e290>"),
        (
            "<function A.<locals>.b at 0x7f362ec9f1a0> x",
            "<function A.<locals>.b at 0x7f362ec9f1a0>",
        ),
        ("the colour 0x7f8f8d", None),
        ("a < b at noon, 0xffffff", None),
    ],
)
def test_a_memory_address_is_found(text, shown):
    assert address(stdout(text)) == shown


def test_the_sanitiser_hides_animation_frames():
    def html(payload):
        text = f'<img src="data:image/gif;base64,{payload}" alt="a wave">'
        return [v4.new_output("display_data", data={"text/html": text})]

    assert texts_equal(html("R0lGOD+/="), html("R0lGODxx"))
    assert not texts_equal(html("R0"), [v4.new_output("display_data", data={"text/html": "<b>"})])


def notebook(*cells, hash="1"):
    made = []
    for source, outputs, tags in cells:
        cell = v4.new_code_cell(source, id=f"id{len(made)}", outputs=outputs)
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        made.append(cell)
    book = v4.new_notebook(cells=made, metadata={"course": {"hash": hash}})
    number(book)
    return book


HOLDS = "accuracy 0.{} (at least 0.5): holds\n"
IGNORED = ["nbval-ignore-output"]


def kept(new, old):
    keep_outputs(new, old)
    return [cell.outputs[0].text for cell in new.cells]


def test_equal_outputs_are_kept_and_others_replaced():
    old = notebook(("a", stdout(HOLDS.format(7)), []), ("b", stdout("1"), []), hash="0")
    new = notebook(("a", stdout(HOLDS.format(8)), []), ("b", stdout("2"), []))
    assert kept(new, old) == [HOLDS.format(7), "2"]


def test_ignored_text_is_kept_while_nothing_before_it_changed():
    old = notebook(("a", stdout("1"), []), ("b", stdout("3 s"), IGNORED), hash="0")
    same = notebook(("a", stdout("1"), []), ("b", stdout("4 s"), IGNORED))
    assert kept(same, old) == ["1", "3 s"]
    changed = notebook(("A", stdout("1"), []), ("b", stdout("4 s"), IGNORED))
    assert kept(changed, old) == ["1", "4 s"]


def test_a_hidden_figure_is_renewed_once_a_cell_before_it_changed():
    old = notebook(("a", stdout("1"), []), ("b", stdout(HOLDS.format(7)), []), hash="0")
    new = notebook(("A", stdout("1"), []), ("b", stdout(HOLDS.format(8)), []))
    assert kept(new, old) == ["1", HOLDS.format(8)]


def picture(pixels):
    return [v4.new_output("display_data", data={"image/png": encoded(pixels)})]


@pytest.mark.parametrize("hash", ["0", "1"])
def test_an_ignored_picture_is_kept_only_if_near_or_if_nothing_changed_at_all(hash):
    old = notebook(("a", picture(PICTURE), IGNORED), hash="0")
    new = notebook(("a", picture(255 - PICTURE), IGNORED), hash=hash)
    keep_outputs(new, old)
    assert (new.cells[0].outputs == old.cells[0].outputs) is (hash == "0")


def test_a_near_picture_is_kept_byte_for_byte():
    old = notebook(("a", picture(PICTURE), []), hash="0")
    new = notebook(("a", picture(PICTURE // 2 * 2), []))
    keep_outputs(new, old)
    assert new.cells[0].outputs == old.cells[0].outputs


def test_a_picture_more_or_less_is_not_the_same():
    old = notebook(("a", picture(PICTURE) + picture(PICTURE), []), hash="0")
    new = notebook(("a", picture(PICTURE), []))
    keep_outputs(new, old)
    assert len(new.cells[0].outputs) == 1
