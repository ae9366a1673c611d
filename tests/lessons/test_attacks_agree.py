"""Lesson 12's attacks and certificate against other people's code, and against closed forms.

Taken from the lesson's own source: the functions that its story defines and its lab's reference
solutions. On TensorFlow they meet the adversarial-robustness-toolbox (ART; the extra `attacks`),
which knows no Keras on JAX; on both backends, a linear model, whose worst case is known. Each
backend has a process of its own, which this file is when it is run as a script.
"""

import ast
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSON = ROOT / "lessons" / "12_adversarial_attacks.py"
BACKENDS = ["tensorflow", pytest.param("jax", marks=pytest.mark.jax)]
STEPS, N = 10, 60
# Attacks of story and lab that ART has, too: the share of images that are the same to 1e-5, and by
# how many the answers differ. Rounding may turn the sign of a gradient that is nearly 0.
ATTACKS = [
    "FGSM",
    "FGSM, linear",
    "FGSM of the lab",
    "FGSM of the lab, with a target",
    "PGD",
    "PGD, with a target",
    "PGD, length",
    "PGD, linear",
    "PGD of the lab",
]


# What is asked of the lesson: of its story, and of its lab's reference solutions.
TAUGHT = ["slope_of", "fgsm", "into_ball", "pgd", "certify"]
SOLVED = ["fgsm_softmax", "project", "pgd_restarts", "certify_batch"]


def functions():
    """The setup cell's imports and the functions asked for, with those they call: Python source."""
    from coursetools.source import read_lesson

    imports, defined = [], {}
    for cell in read_lesson(LESSON).cells:
        if cell.kind == "code" and cell.role in (None, "setup", "exercise"):
            for node in ast.parse(cell.solved).body:
                if cell.role == "setup" and isinstance(node, ast.Import | ast.ImportFrom):
                    imports.append(ast.unparse(node))
                elif isinstance(node, ast.FunctionDef):
                    defined[node.name] = node
    wanted, kept = [*TAUGHT, *SOLVED], {}
    while wanted:
        name = wanted.pop()
        if name in defined and name not in kept:
            kept[name] = ast.unparse(defined[name])
            wanted += [n.id for n in ast.walk(defined[name]) if isinstance(n, ast.Name)]
    missing = {*TAUGHT, *SOLVED} - kept.keys()
    assert not missing, f"the lesson no longer defines {', '.join(sorted(missing))}"
    # A default value may be another function, so those come in the order of the lesson.
    return "\n\n".join(imports + [kept[name] for name in defined if name in kept])


@cache
def measured(backend, art):
    pytest.importorskip("jupytext")
    from coursetools.course import Course
    from coursetools.execute import environment

    env = environment(Course(ROOT), KERAS_BACKEND=backend, MPLBACKEND="agg")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "measured.json")
        run = subprocess.run(
            [sys.executable, __file__, out, "art" if art else "no art"],
            input=functions(),
            env=env,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert run.returncode == 0, run.stderr[-3000:]
        return json.loads(out.read_text("utf-8"))


@pytest.fixture
def art():
    try:
        importlib.metadata.version("adversarial-robustness-toolbox")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("adversarial-robustness-toolbox is not installed: pip install -e '.[attacks]'")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_gives_what_the_toolbox_gives(attack, art):
    found = measured("tensorflow", art=True)["art"][attack]
    assert found["moved"] > 0.01, "nothing was attacked"
    assert found["same"] >= 0.95
    assert abs(found["read right"] - found["read right by ART"]) <= 1.5 / N


def test_attacks_near_black_and_white_succeed_as_often_as_the_toolbox(art):
    # ART clips to [0, 1] before it projects, so in ℓ2 the images differ a little there.
    found = measured("tensorflow", art=True)["art"]["PGD, length, clipped"]
    assert 0.05 < found["read right"] < 0.9
    assert abs(found["read right"] - found["read right by ART"]) <= 0.1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("attack", ["FGSM", "PGD", "PGD, random start", "PGD, lab"])
def test_an_attack_reaches_the_worst_case_of_a_linear_model(attack, backend):
    found = measured(backend, art=backend == "tensorflow" and installed())["linear"][attack]
    assert found["fall"] == pytest.approx(found["ε‖w‖₁"], rel=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_pgd_in_l2_reaches_the_worst_case_of_a_linear_model(backend):
    found = measured(backend, art=backend == "tensorflow" and installed())["linear"]["PGD, length"]
    assert found["fall"] == pytest.approx(found["ε‖w‖₂"], rel=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_projections_of_story_and_lab_are_one(backend):
    found = measured(backend, art=backend == "tensorflow" and installed())["projection"]
    assert found == {"linf": pytest.approx(0, abs=1e-5), "l2": pytest.approx(0, abs=1e-5)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_certificates_are_those_of_the_exact_binomial_interval(backend):
    found = measured(backend, art=backend == "tensorflow" and installed())["certificates"]
    assert found["withheld"] > 20 < found["given"]
    assert found["classes"] == 0
    assert found["radii"] < 1e-6


def installed():
    try:
        return bool(importlib.metadata.version("adversarial-robustness-toolbox"))
    except importlib.metadata.PackageNotFoundError:
        return False


# From here on the process of one backend.


def main(out, art):
    lesson = {}
    exec(compile(sys.stdin.read(), "<lesson 12>", "exec"), lesson)
    found = {
        "linear": on_a_linear_model(lesson),
        "projection": of_projections(lesson),
        "certificates": of_certificates(lesson),
    }
    if art == "art":
        found["art"] = against_art(lesson)
    Path(out).write_text(json.dumps(found), "utf-8")


def on_a_linear_model(lesson):
    """By how much the attacks lower the margin of class 0 against class 1, in the mean."""
    import numpy as np

    rng = np.random.default_rng(1)
    W, b = rng.normal(size=(64, 2)).astype("float32"), np.zeros(2, "float32")
    net = network(lesson["keras"], [W, b], hidden=False)
    x = rng.uniform(0.4, 0.6, (20, 8, 8, 1)).astype("float32")
    y, w, eps = np.zeros(20, "int32"), W[:, 0] - W[:, 1], 0.1
    slope = lesson["slope_of"](net)
    norms = {"ε‖w‖₁": eps * np.abs(w).sum(), "ε‖w‖₂": eps * np.sqrt((w**2).sum())}

    def fall(attacked):
        by = (np.asarray(x - attacked, "float64").reshape(20, 64) @ w).mean()
        return {"fall": float(by), **{name: float(norm) for name, norm in norms.items()}}

    pgd, flat, start = lesson["pgd"], x.reshape(20, 64), np.zeros((1, 20, 64))
    by_lab = lesson["pgd_restarts"](by_hand(W, b, y), flat, start, eps, eps / 4, STEPS)
    return {
        "FGSM": fall(lesson["fgsm"](slope, x, y, eps)),
        "PGD": fall(pgd(slope, x, y, eps, STEPS)),
        "PGD, random start": fall(pgd(slope, x, y, eps, 4 * STEPS, rng=rng)),
        "PGD, length": fall(pgd(slope, x, y, eps, 40, kind="length")),
        "PGD, lab": fall(by_lab.reshape(x.shape)),
    }


def by_hand(W, b, labels):
    """Losses and gradients of softmax regression, for the lab's PGD."""
    import numpy as np
    from scipy.special import log_softmax

    def loss_and_gradient(points):
        logs = log_softmax(points @ W.astype("float64") + b, axis=-1)
        wanted = np.eye(len(b))[labels]
        return -(logs * wanted).sum(-1), (np.exp(logs) - wanted) @ W.T.astype("float64")

    return loss_and_gradient


def of_projections(lesson):
    """The largest difference between the projections of story and lab."""
    import numpy as np

    rng = np.random.default_rng(2)
    x = rng.random((30, 4, 4, 2))
    points, eps = x + rng.normal(size=x.shape), rng.uniform(0.05, 3, 30)
    found = {}
    for norm, kind in [("linf", "max"), ("l2", "length")]:
        ball = lesson["into_ball"](points - x, eps[:, None, None, None], kind)
        gap = lesson["project"](points, x, eps, norm) - np.clip(x + ball, 0, 1)
        found[norm] = float(np.abs(gap).max())
    return found


def of_certificates(lesson):
    """Story's and lab's certificates against SciPy's exact interval: the worst difference."""
    import numpy as np
    from scipy import stats

    rng = np.random.default_rng(3)
    share = rng.dirichlet([6, 2, 1, 0.3], 200)
    first, second = (np.stack([rng.multinomial(m, p) for p in share]) for m in (100, 1000))
    second[0], second[1] = [0, 300, 0, 0], [300, 0, 0, 0]
    first[:2] = [90, 4, 3, 3]
    sigma, alpha, expected = 0.5, 0.001, []
    for a, b in zip(first, second, strict=True):
        test = stats.binomtest(int(b[a.argmax()]), int(b.sum()), alternative="greater")
        p = test.proportion_ci(1 - alpha, method="exact").low
        expected.append((a.argmax(), sigma * stats.norm.ppf(p)) if p > 0.5 else (-1, 0))
    classes, radii = np.array(expected).T
    rounds = zip(first, second, strict=True)
    answers = [
        np.array([lesson["certify"](a, b, sigma, alpha) for a, b in rounds]).T,
        lesson["certify_batch"](first, second, sigma, alpha),
    ]
    return {
        "classes": int(sum(np.sum(found[0] != classes) for found in answers)),
        "radii": float(max(np.abs(found[1] - radii).max() for found in answers)),
        "withheld": int(np.sum(classes < 0)),
        "given": int(np.sum(classes >= 0)),
    }


def network(keras, weights, hidden=True):
    """Logits of 8×8 images, with these weights."""
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(weights[0].shape[1], activation="tanh")(x) if hidden else x
    net = keras.Model(inputs, keras.layers.Dense(len(weights[-1]))(x))
    net.set_weights(weights)
    return net


def against_art(lesson):
    """Each attack by the lesson and by ART: how many images are the same, and how they are read."""
    import numpy as np
    from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescent
    from art.estimators.classification import TensorFlowV2Classifier

    keras, rng = lesson["keras"], np.random.default_rng(4)

    def normal(*shape, scale=1.0):
        return rng.normal(scale=scale, size=shape).astype("float32")

    W, b = normal(64, 10, scale=0.5), normal(10, scale=0.1)
    nets = {
        "tanh": network(keras, [normal(64, 24, scale=0.4), normal(24), normal(24, 10), normal(10)]),
        "linear": network(keras, [W, b], hidden=False),
    }
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    toolbox = {
        name: TensorFlowV2Classifier(
            model=net, nb_classes=10, input_shape=(8, 8, 1), loss_object=loss, clip_values=(0, 1)
        )
        for name, net in nets.items()
    }
    slopes = {name: lesson["slope_of"](net) for name, net in nets.items()}
    wide = np.clip(rng.uniform(-0.3, 1.3, (N, 8, 8, 1)), 0, 1).astype("float32")
    grey = rng.uniform(0.4, 0.6, (N, 8, 8, 1)).astype("float32")  # where no clipping takes part
    found = {}

    def read(name, x):
        return np.asarray(nets[name](x)).argmax(-1).astype("int32")

    def compare(what, name, x, labels, ours, kind, **settings):
        theirs = kind(toolbox[name], batch_size=N, **settings).generate(x, y=labels)
        ours = np.asarray(ours, "float32").reshape(x.shape)
        gap = np.abs(ours - theirs).max(axis=(1, 2, 3))
        found[what] = {
            "same": float(np.mean(gap <= 1e-5)),
            "moved": float(np.abs(ours - x).mean()),
            "read right": float(np.mean(read(name, ours) == read(name, x))),
            "read right by ART": float(np.mean(read(name, theirs) == read(name, x))),
        }

    def pgd(what, name, x, eps, kind="max", target=None):
        labels = read(name, x) if target is None else target
        towards = target is not None
        ours = lesson["pgd"](slopes[name], x, labels, eps, STEPS, kind=kind, towards=towards)
        settings = {"eps": eps, "eps_step": 2.5 * eps / STEPS, "max_iter": STEPS}
        settings |= {"norm": np.inf if kind == "max" else 2, "targeted": towards, "verbose": False}
        compare(what, name, x, labels, ours, ProjectedGradientDescent, **settings)

    eps, one_step = 0.1, FastGradientMethod
    for what, name in [("FGSM", "tanh"), ("FGSM, linear", "linear")]:
        ours = lesson["fgsm"](slopes[name], wide, read(name, wide), eps)
        compare(what, name, wide, read(name, wide), ours, one_step, eps=eps)
    flat, y = wide.reshape(N, 64), read("linear", wide)
    target = ((y + rng.integers(1, 10, N)) % 10).astype("int32")
    ours = lesson["fgsm_softmax"](flat, y, W, b, eps)
    compare("FGSM of the lab", "linear", wide, y, ours, one_step, eps=eps)
    ours = lesson["fgsm_softmax"](flat, y, W, b, eps, target)
    what = "FGSM of the lab, with a target"
    compare(what, "linear", wide, target, ours, one_step, eps=eps, targeted=True)
    # The loss of softmax regression is convex, so that the last point is the best one.
    start = np.zeros((1, N, 64))
    ours = lesson["pgd_restarts"](by_hand(W, b, y), flat, start, eps, eps / 4, STEPS)
    settings = {"norm": np.inf, "eps": eps, "eps_step": eps / 4, "max_iter": STEPS}
    settings["verbose"] = False
    compare("PGD of the lab", "linear", wide, y, ours, ProjectedGradientDescent, **settings)

    pgd("PGD", "tanh", wide, 0.05)
    pgd("PGD, linear", "linear", wide, 0.05)
    pgd("PGD, with a target", "tanh", wide, 0.05, target=target)
    pgd("PGD, length", "tanh", grey, 0.3, kind="length")
    pgd("PGD, length, clipped", "tanh", wide, 0.3, kind="length")
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
