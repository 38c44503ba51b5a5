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
    error, forgotten = "reconstruction", "reconstruction_forgetting"
    held, important = ("dgr", "align", "anpyc+align"), ("mas", "anpyc", "ewc")
    worst = max(value(f"celeba-anime-vae/{one}", error) for one in held)
    assert worst < min(value(f"celeba-anime-vae/{one}", error) for one in important)
    assert value("celeba-anime-vae/sgd", error) > max(value(f"celeba-anime-vae/{one}", error) for one in important)
    moved = {one: value(f"celeba-anime-vae/{one}", forgotten) for one in (*held, *important, "sgd")}
    assert min(moved, key=lambda one: abs(moved[one])) == "align" and moved["dgr"] < 0
    assert min(moved, key=lambda one: value(f"celeba-anime-vae/{one}", ALL)) == "align"
    learned = [value(f"celeba-anime-vae/{one}", "reconstruction_just_learned") for one in ("sgd", *held)]
    assert max(learned) < 1.05 * min(learned)


def pruned_vaes() -> None:
    """Assert that the search prefers no pruning at each strength that it tried with and without."""
    tried = json.loads((RESULTS / "celeba-anime-vae-search" / "tune.json").read_text())["methods"]["anpyc"]["search"]
    scores = {(one["settings"]["lambda"], one["settings"]["prune"]): one["score"] for one in tried}
    assert all(scores[strength, 0] < score for (strength, share), score in scores.items() if share)


def chosen_for_vaes() -> None:
    """Assert that replay is better at the full rate of the shared layers, and alignment with a smaller weight."""
    for key in (ALL, "reconstruction"):
        assert value("celeba-anime-vae-chosen/dgr", key) < value("celeba-anime-vae-chosen/dgr:train.shared_lr=0.1", key)
        assert value("celeba-anime-vae-chosen/align", key) < value("celeba-anime-vae-chosen/align:method.weight=4", key)


def networks_of_vaes() -> None:
    """Assert what the activation, the width, the average and the rate do to a VAE of anime faces."""
    small = "celeba-anime-vae-networks/sgd:model.features=256:model.latent=64"
    error = "reconstruction"
    narrow, wide = (
        value("celeba-anime-vae-networks/sgd:model.features=256", error),
        value("celeba-anime-vae-networks/sgd", error),
    )
    assert wide < narrow < value(small, error) < value(f"{small}:train.lr=0.004", error)
    assert value(f"{small}:model.activation=relu", error) - value(small, error) > value(small, error) - wide
    assert abs(value(f"{small}:train.half_life=3000", error) / value(small, error) - 1) < 0.01


def photographs_of_gans() -> None:
    """Assert that anpyc+align is between joint and plain training on CIFAR-10, and nearer to joint training."""
    joint, ours, plain = (value(f"cifar10-cgan/{one}", ALL) for one in ("joint", "anpyc+align", "sgd"))
    assert joint < ours < (joint + plain) / 2


def textures_of_gans() -> None:
    """Assert what distance and right class say of plain training on Tiny ImageNet."""
    ours, plain = (f"tiny-imagenet-cgan/{one}" for one in ("anpyc+align", "sgd"))
    assert value(plain, ALL) < value(ours, ALL) and value(plain, FIRST) > value(ours, FIRST)
    assert 0.45 < value(plain, "conditional_accuracy") / value(ours, "conditional_accuracy") < 0.55


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
    Claim(GENERATORS, "although the right class is drawn half as often", textures_of_gans),
    Claim(GENERATORS, "`anpyc` is better without pruning there", pruned_vaes),
    Claim(GENERATORS, "`dgr` is better at the full rate, and `align` with a weight of 1 than with 4", chosen_for_vaes),
    Claim(GENERATORS, "LeakyReLU lowers the error most, then wider layers and more latents", networks_of_vaes),
    Claim(GENERATORS, "twice the learning rate raises the error", networks_of_vaes),
    Claim(GENERATORS, "A calibrated variance lowers the error beside the Bernoulli likelihood", trials_of_vaes),
    Claim(GENERATORS, "residual networks are behind plain ones in error and distance", trials_of_vaes),
    Claim(
        GENERATORS,
        "`dgr` is nearest to joint training in distance, at 1.14 times, and `anpyc+align` has the lowest drift and the "
        "highest conditional accuracy",
        emoji_are_kept,
    ),
    Claim(GENERATORS, "recognises 62 % of the held-out emoji", reader_of_emoji),
    Claim(
        GENERATORS,
        "`dgr`, `align` and `anpyc+align` have lower errors than importance alone. `align` keeps the error on human "
        "faces as it was, and with `dgr` it even falls. `align` has the lowest distance",
        faces_of_vaes,
    ),
    Claim(GENERATORS, "`anpyc+align` is nearer to joint training than to it", photographs_of_gans),
    Claim(GENERATORS, "Later it forgets the human faces, so its final error is the highest", faces_of_vaes),
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
