"""What the page about GAN, VAE and flow says about results."""

from __future__ import annotations

from tests.docs.checks import ALL, Claim, value

PAGE = "docs/choosing.md"
ALONE, FULL, GAN = "mnist-flow", "mnist-flow-full", "mnist-cgan"
LEARNED_AND_LOST = ("fid_just_learned", "fid_forgetting")


def flow_ratio() -> list[float]:
    """Return the distance of align over joint training's."""
    return [value(f"{FULL}/align", ALL) / value(f"{FULL}/joint", ALL)]


def gan_is_ahead() -> list[float]:
    """Return the distances of the GAN's joint training and of real images; its time is a fifth of the flow's."""
    times = [value(f"{of}/joint", "train_seconds") for of in (GAN, FULL)]
    assert 0.15 < times[0] / times[1] < 0.25, times
    return [value(f"{GAN}/{one}", ALL) for one in ("joint", "real")]


def flow_order() -> None:
    """Assert that the methods have the same order on MNIST as on the embedded digits."""
    names = ("joint", "align", "anpyc+align", "dgr", "mas", "spp", "anpyc", "ewc", "sgd")
    for folder in (ALONE, "digits-flow"):
        distances = [value(f"{folder}/{one}", ALL) for one in names]
        assert distances == sorted(distances), (folder, distances)


def flow_of_both() -> None:
    """Assert that anpyc+align forgets about as little as align, and is worse right after learning."""
    of = {key: [value(f"{ALONE}/{one}", key) for one in ("align", "anpyc+align")] for key in LEARNED_AND_LOST}
    learned, lost = (of[key] for key in LEARNED_AND_LOST)
    assert learned[1] > 1.3 * learned[0] and max(lost) < 1.1 * min(lost), of


def flow_times() -> None:
    """Assert what the methods with alignment take, beside plain training and replay."""
    for one in ("align", "anpyc+align"):
        for other in ("sgd", "dgr"):
            ratio = value(f"{ALONE}/{one}", "train_seconds") / value(f"{ALONE}/{other}", "train_seconds")
            assert 1.7 < ratio < 2.4, (one, other, ratio)


CHOOSING_CLAIMS = [
    Claim(PAGE, "at 1.25 times its distance", flow_ratio),
    Claim(PAGE, "reaches 63.6, where real images have 32.6, in about a fifth of the flow's time", gan_is_ahead),
    Claim(PAGE, "On MNIST, with the preset's steps, the order is the same (one seed)", flow_order),
    Claim(PAGE, "forgets about as little, and learns new digits worse", flow_of_both),
    Claim(PAGE, "take about twice as long as plain training or `dgr`", flow_times),
]
