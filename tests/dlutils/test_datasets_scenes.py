"""Generated scenes: do pixels, classes, boxes, masks and captions tell the same story?"""

import itertools

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2
from sklearn.tree import DecisionTreeClassifier

from dlutils import datasets
from dlutils.datasets import layouts, paint, shapes

FEW = {"count": 150, "test": 60}
OPPOSITE = {"above": "below", "below": "above", "left": "right", "right": "left"}


@pytest.fixture(scope="module")
def single():
    return datasets.load("scenes")


@pytest.fixture(scope="module")
def pairs():
    return datasets.load("scenes", objects=2, seed=3)


@pytest.fixture(scope="module")
def crowds():
    return datasets.load("scenes", **FEW, objects=4, overlap=True, seed=4)


def arrays(scenes, part):
    """The arrays of one part, by name without the part."""
    return {
        name.removesuffix(f"_{part}"): value
        for name, value in vars(scenes).items()
        if name.endswith(f"_{part}")
    }


@pytest.mark.parametrize("size", [16, 33, 64])
@pytest.mark.parametrize("objects", [1, 4])
def test_arrays_have_the_promised_shapes_types_and_ranges(size, objects):
    scenes = datasets.load("scenes", **FEW, size=size, objects=objects)
    for part, n in (("train", 150), ("test", 60)):
        found = arrays(scenes, part)
        described = {k: (v.dtype.name, v.shape) for k, v in found.items() if k != "captions"}
        assert described == {
            "x": ("float32", (n, size, size, 3)),
            "classes": ("int32", (n, objects)),
            "colours": ("int32", (n, objects)),
            "boxes": ("float32", (n, objects, 4)),
            "masks": ("int32", (n, size, size)),
        }
        assert len(found["captions"]) == n
        assert found["x"].min() >= 0
        assert found["x"].max() <= 1
        assert np.unique(found["masks"]).tolist() == [0, 1, 2, 3]
        assert (found["boxes"] >= 0).all()
        assert (found["boxes"] <= 1).all()
        assert (found["boxes"][..., :2] < found["boxes"][..., 2:]).all()


def test_a_mask_fills_its_box_to_within_a_pixel_or_so(single):
    """Sharp corners may end between pixel centres, hence 1.5 pixels and a mean far below."""
    gaps = []
    for mask, (box,) in zip(single.masks_test, single.boxes_test * 32, strict=True):
        rows, columns = np.nonzero(mask)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        gaps.append(np.abs(np.array(seen) - box))
    assert np.max(gaps) < 1.5
    assert np.mean(gaps) < 0.4


def test_boxes_are_tight_around_the_shape_drawn_finely():
    fine, count = 12, 60
    layout = layouts.draw(count, 1, False, True, 32, np.random.default_rng(0))
    kind, angle = layout.classes[:, 0], layout.angles[:, 0]
    centres, radii = layout.centres[:, 0] * fine, layout.radii[:, 0] * fine
    inside = shapes.coverage(kind, centres, radii, angle, 32 * fine) >= 0.5
    for scene, (box,) in zip(inside, layout.boxes, strict=True):
        rows, columns = np.nonzero(scene)
        seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / fine
        np.testing.assert_allclose(seen, box, atol=1.5 / fine)
    areas = inside.sum((1, 2))
    np.testing.assert_allclose(areas, np.pi * radii**2, rtol=0.02)  # whatever the class


def test_the_mask_at_the_middle_of_a_lone_object_tells_its_class(pairs):
    for k in range(2):
        x, y = middles(pairs.boxes_train[:, k]).T.astype(int)
        found = pairs.masks_train[np.arange(len(x)), y, x]
        np.testing.assert_array_equal(found, 1 + pairs.classes_train[:, k])


def test_the_last_object_lies_on_top_of_the_others(crowds):
    x, y = middles(crowds.boxes_train[:, -1]).T.astype(int)
    found = crowds.masks_train[np.arange(len(x)), y, x]
    np.testing.assert_array_equal(found, 1 + crowds.classes_train[:, -1])


def middles(boxes, size=32):
    """Middles of boxes in pixels: (n, 2), x and y."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2 * size


@pytest.mark.parametrize(("size", "objects"), [(16, 4), (32, 2), (32, 3), (64, 4)])
def test_no_boxes_intersect_unless_asked_for(size, objects):
    scenes = datasets.load("scenes", **FEW, size=size, objects=objects, seed=5)
    assert not any(map(intersect, scenes.boxes_train))


def test_unless_turned_squares_fill_their_boxes_and_triangles_point_up():
    scenes = datasets.load("scenes", **FEW, turned=False)
    sides = scenes.boxes_train[:, 0] * 32
    area = np.prod(sides[:, 2:] - sides[:, :2], axis=1)
    covered = (scenes.masks_train > 0).sum((1, 2)) / area
    names = np.array(scenes.class_names)[scenes.classes_train[:, 0]]
    assert covered[names == "square"].min() > 0.8
    assert np.allclose(covered[names == "triangle"].mean(), 0.5, atol=0.05)
    for mask in scenes.masks_train[names == "triangle"]:
        widths = (mask > 0).sum(1)[(mask > 0).any(1)]
        assert widths[-1] > widths[0]


def test_with_overlap_some_boxes_intersect(crowds):
    assert np.mean([intersect(boxes) for boxes in crowds.boxes_train]) > 0.5


def intersect(boxes):
    """Whether any two boxes of a scene share some area, pair by pair."""
    return any(
        min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])
        for a, b in itertools.combinations(boxes.tolist(), 2)
    )


def test_the_pixels_of_a_shape_have_the_colour_that_is_named(single):
    named = np.array(list(paint.PALETTE.values()))
    right = 0
    for image, mask, (colour,) in zip(
        single.x_test, single.masks_test, single.colours_test, strict=True
    ):
        seen = np.median(image[mask > 0], axis=0)
        right += np.linalg.norm(named - seen, axis=1).argmin() == colour
    assert right / len(single.x_test) > 0.97


def test_shapes_stand_out_from_the_background_around_them(single):
    contrasts = []
    for image, mask in zip(single.x_test, single.masks_test, strict=True):
        near = np.zeros_like(mask, dtype=bool)
        rows, columns = np.nonzero(mask)
        near[
            max(0, rows.min() - 2) : rows.max() + 3, max(0, columns.min() - 2) : columns.max() + 3
        ] = 1
        ring = near & (mask == 0)
        contrasts.append(np.linalg.norm(image[mask > 0].mean(0) - image[ring].mean(0)))
    assert np.quantile(contrasts, 0.02) > 0.25
    assert min(contrasts) > 0.15


def test_captions_of_one_object_name_colour_class_and_size(single):
    sizes = {"small": [], "large": []}
    for caption, (kind,), (colour,), (box,) in zip(
        single.captions_test,
        single.classes_test,
        single.colours_test,
        single.boxes_test,
        strict=True,
    ):
        article, *size, hue, shape = caption.split()
        assert (hue, shape) == (single.colour_names[colour], single.class_names[kind])
        assert article == ("an" if not size and hue == "orange" else "a")
        if size and kind == 0:
            sizes[size[0]].append(box[2] - box[0])
    assert max(sizes["small"]) < min(sizes["large"])


def test_captions_of_two_objects_say_truly_where_they_stand(pairs):
    for caption, kinds, colours, boxes in zip(
        pairs.captions_test, pairs.classes_test, pairs.colours_test, pairs.boxes_test, strict=True
    ):
        words = [word for word in caption.split() if word not in ("a", "an", "of")]
        first, relation, second = words[:2], words[2], words[3:]
        names = [
            [pairs.colour_names[c], pairs.class_names[k]]
            for c, k in zip(colours, kinds, strict=True)
        ]
        assert [first, second] == names
        (x0, y0), (x1, y1) = middles(boxes)
        true = {"left": x0 < x1, "right": x0 > x1, "above": y0 < y1, "below": y0 > y1}
        assert true[relation], caption
        assert not true[OPPOSITE[relation]]
    assert {c.split()[3] for c in pairs.captions_train} == set(OPPOSITE)


def test_captions_of_a_crowd_go_from_left_to_right():
    scenes = datasets.load("scenes", **FEW, objects=3)
    for caption, colours, boxes in zip(
        scenes.captions_test, scenes.colours_test, scenes.boxes_test, strict=True
    ):
        said = [w for w in caption.replace(",", "").split() if w in scenes.colour_names]
        order = middles(boxes)[:, 0].argsort()
        far_apart = np.diff(middles(boxes)[order, 0]).min() > 2  # centroid is not box middle
        if far_apart:
            assert said == [scenes.colour_names[c] for c in colours[order]]


def test_objects_of_a_scene_differ_in_colour_and_all_classes_and_colours_occur(crowds, single):
    assert all(len(set(colours)) == 4 for colours in crowds.colours_train.tolist())
    assert np.bincount(single.classes_train[:, 0]).min() > 300
    assert np.bincount(single.colours_train[:, 0], minlength=8).min() > 60


def test_a_colour_threshold_does_not_segment(single):
    """Neither one rule for all scenes nor the better of two clusters within each scene."""
    pixels, shape = single.x_train[:100].reshape(-1, 3), single.masks_train[:100].ravel() > 0
    rule = DecisionTreeClassifier(max_depth=8, class_weight="balanced", random_state=0)
    found = rule.fit(pixels, shape).predict(single.x_test[:100].reshape(-1, 3))
    assert overlap(found, single.masks_test[:100].ravel() > 0) < 0.6
    per_scene = []
    for image, mask in zip(single.x_test[:100], single.masks_test[:100], strict=True):
        _, cluster = kmeans2(image.reshape(-1, 3), 2, minit="++", rng=0)
        per_scene.append(max(overlap(cluster == k, mask.ravel() > 0) for k in (0, 1)))
    assert np.mean(per_scene) < 0.7


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


def test_a_seed_fixes_everything_and_another_changes_everything():
    first, again, other = (datasets.load("scenes", **FEW, seed=seed) for seed in (1, 1, 2))
    for name, value in arrays(first, "train").items():
        np.testing.assert_array_equal(value, arrays(again, "train")[name])
        assert not np.array_equal(value, arrays(other, "train")[name])


def test_the_scenes_of_a_seed_stay_the_same_on_every_platform():
    scenes = datasets.load("scenes", count=4, test=3, objects=2)
    assert scenes.captions_train == (
        "an orange triangle left of a black square",
        "a yellow square above a blue circle",
        "a green circle below a black circle",
        "a black circle below a blue circle",
    )
    np.testing.assert_allclose(
        scenes.boxes_train[0],
        [[0.0295, 0.0805, 0.5082, 0.527], [0.5151, 0.4977, 0.739, 0.7216]],
        atol=1e-3,
    )
    np.testing.assert_allclose(
        scenes.x_train[0, ::8, ::8, 0],
        [
            [0.4386, 0.3272, 0.212, 0.3932],
            [0.5526, 1.0, 0.1955, 0.2812],
            [0.3327, 0.3773, 0.2739, 0.1584],
            [0.1178, 0.3138, 0.402, 0.5623],
        ],
        atol=1e-2,
    )


def test_test_scenes_do_not_depend_on_the_number_of_training_scenes():
    few = datasets.load("scenes", count=5, test=40)
    many = datasets.load("scenes", count=300, test=40)
    np.testing.assert_array_equal(few.x_test, many.x_test)
    assert not np.isin(many.x_train.sum((1, 2, 3)), many.x_test.sum((1, 2, 3))).any()


def test_noise_has_the_standard_deviation_asked_for():
    clean, noisy = (datasets.load("scenes", **FEW, noise=noise).x_train for noise in (0, 0.05))
    away = (clean > 0.2) & (clean < 0.8)  # where nothing is cut off at 0 or 1
    difference = (noisy - clean)[:1][away[:1]]  # the streams part after the first scenes
    assert difference.std() == pytest.approx(0.05, rel=0.05)
    assert abs(difference.mean()) < 0.005


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, "size is 8, but scenes are drawn for integers from 16 to 64 only"),
        ({"size": 32.0}, r"size is 32\.0"),
        ({"count": 0}, "count is 0"),
        ({"test": -1}, "test is -1"),
        ({"objects": 5}, "objects is 5"),
        ({"objects": True}, "objects is True"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": None}, "seed is None"),
        ({"overlap": "no"}, "overlap is 'no', but it is a yes-or-no question"),
        ({"turned": 1}, "turned is 1, but it is a yes-or-no question"),
        ({"noise": -0.1}, r"noise is -0\.1"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"noise": "much"}, "noise is 'much'"),
    ],
)
def test_a_bad_option_is_refused_in_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        datasets.load("scenes", **options)
