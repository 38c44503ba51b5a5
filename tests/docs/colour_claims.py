"""What the page of generators says about pictures in colour: emoji, faces and anime."""

from __future__ import annotations

import json

from figures import RESULTS, read

from tests.docs.checks import ALL, FIRST, Claim, value

GENERATORS = "docs/generators.md"
RESIDUAL = "train.steps=0.5x:model.network=residual:model.width=16"
EMOJI, FACES = "emoji-cgan", "celeba-anime-cgan"


def emoji_are_kept() -> list[float]:
    """Return dgr's distance, the nearest, over joint training's; anpyc+align has least drift and most right classes."""
    for other in ("sgd", "anpyc", "dgr"):
        ours, theirs = f"{EMOJI}/anpyc+align", f"{EMOJI}/{other}"
        assert value(ours, "drift") < value(theirs, "drift"), other
        assert value(ours, "conditional_accuracy") > value(theirs, "conditional_accuracy"), other
        assert value(f"{EMOJI}/dgr", ALL) <= value(theirs, ALL) and value(f"{EMOJI}/dgr", ALL) < value(ours, ALL)
    return [value(f"{EMOJI}/dgr", ALL) / value(f"{EMOJI}/joint", ALL)]


def reader_of_emoji() -> list[float]:
    """Return the accuracy of the classifier behind the figures of emoji: the ready model's run names the same one."""
    features = read("emoji-cgan")["features"]
    kept = json.loads((RESULTS.parent / "models" / "emoji-cgan-anpyc+align" / "metrics.json").read_text())["features"]
    assert (features["name"], features["version"]) == (kept["name"], kept["version"])
    return [100 * kept["accuracy"]]


def trials_of_vaes() -> None:
    """Assert what a calibrated variance and a residual network do to a VAE of faces."""
    plain, residual = (f"celeba-anime-vae-trials/sgd:{of}" for of in ("train.steps=1.5x", RESIDUAL))
    calibrated = ":model.likelihood=calibrated"
    for key in ("reconstruction_just_learned", "fid_just_learned"):
        assert value(plain, key) < value(residual, key)
        assert value(plain + calibrated, key) < value(residual + calibrated, key)
    for one in (plain, residual):
        assert value(one + calibrated, "reconstruction_just_learned") < value(one, "reconstruction_just_learned")


def faces_of_vaes() -> None:
    """Assert the order of squared errors and of forgetting."""
    own, more = "celeba-anime-vae", "celeba-anime-vae-more"
    rows = [f"{own}/{one}" for one in ("anpyc+align", "anpyc")] + [f"{more}/{one}" for one in ("align", "dgr")]
    worse = [f"{more}/{one}" for one in ("mas", "ewc")]
    error, forgotten = "reconstruction", "reconstruction_forgetting"
    assert max(value(row, forgotten) for row in rows) < 0.1 * min(value(row, forgotten) for row in worse)
    assert max(value(row, error) for row in rows[2:]) < min(value(row, error) for row in rows[:2] + worse)
    assert value(f"{own}/sgd", error) > max(value(row, error) for row in rows + worse)


def better_vaes() -> None:
    """Assert that the preset's VAE has lower errors than the papers', with both methods."""
    for one in ("sgd", "anpyc+align"):
        for key in ("reconstruction", "reconstruction_just_learned"):
            assert value(f"celeba-anime-vae-leaky/{one}", key) < value(f"celeba-anime-vae/{one}", key)


def faces_of_gans() -> list[float]:
    """Return the distance of anpyc+align over joint training's."""
    return [value(f"{FACES}/anpyc+align", ALL) / value(f"{FACES}/joint", ALL)]


def faces_of_gans_in_order() -> None:
    """Assert who is first in what on faces and anime."""
    rows = ("anpyc+align", "align", "dgr", "ewc", "anpyc", "mas", "sgd")
    anime = {one: 2 * value(f"{FACES}/{one}", ALL) - value(f"{FACES}/{one}", FIRST) for one in rows}
    of = {key: {one: value(f"{FACES}/{one}", key) for one in rows} for key in (ALL, FIRST, "drift", "fid_forgetting")}
    assert min(rows, key=of[ALL].__getitem__) == "anpyc+align" and min(rows, key=of[FIRST].__getitem__) == "align"
    assert min(rows, key=of["drift"].__getitem__) == "ewc" and max(rows, key=of["fid_forgetting"].get) == "sgd"
    assert set(sorted(rows, key=anime.__getitem__)[-2:]) == {"ewc", "mas"}


COLOUR_CLAIMS = [
    Claim(GENERATORS, "Both methods have a lower error than in the first table", better_vaes),
    Claim(GENERATORS, "A calibrated variance lowers the error beside the Bernoulli likelihood", trials_of_vaes),
    Claim(GENERATORS, "residual networks are behind plain ones in error and distance", trials_of_vaes),
    Claim(
        GENERATORS,
        "`dgr` is nearest to joint training in distance, at 1.14 times, and `anpyc+align` has the lowest drift and the "
        "highest conditional accuracy",
        emoji_are_kept,
    ),
    Claim(GENERATORS, "recognises 62 % of the held-out emoji", reader_of_emoji),
    Claim(GENERATORS, "They, `anpyc+align` and `anpyc` hardly forget", faces_of_vaes),
    Claim(
        GENERATORS,
        "`anpyc+align` is nearest to joint training over both domains, at 1.07 times its distance",
        faces_of_gans,
    ),
    Claim(
        GENERATORS,
        "Human faces alone are nearest with `align`. `ewc` changes them least. `ewc` and `mas` draw anime worst (twice "
        "the FD, minus that of the first half). Plain training forgets most",
        faces_of_gans_in_order,
    ),
]
