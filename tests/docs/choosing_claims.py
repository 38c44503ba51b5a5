"""What the page about GAN, VAE and flow says about results."""

from __future__ import annotations

from tests.docs.checks import ALL, Claim, value

PAGE = "docs/choosing.md"
QUARTER, FULL, GAN = "mnist-flow", "mnist-flow-full", "mnist-cgan"


def flow_ratios() -> list[float]:
    """Return the distance of align over joint training's, with a quarter of the steps and with all of them."""
    return [value(f"{of}/align", ALL) / value(f"{of}/joint", ALL) for of in (QUARTER, FULL)]


def gan_is_ahead() -> list[float]:
    """Return the distances of the GAN's joint training and of real images; its time is a fifth of the flow's."""
    times = [value(f"{of}/joint", "train_seconds") for of in (GAN, FULL)]
    assert 0.15 < times[0] / times[1] < 0.25, times
    return [value(f"{GAN}/{one}", ALL) for one in ("joint", "real")]


def flow_order() -> None:
    """Assert that align is nearest to joint training on MNIST, and forgets least."""
    for other in ("anpyc+align", "dgr", "mas", "spp", "anpyc", "ewc", "sgd"):
        for key in (ALL, "fid_forgetting"):
            assert value(f"{QUARTER}/align", key) < value(f"{QUARTER}/{other}", key), other


CHOOSING_CLAIMS = [
    Claim(
        PAGE,
        "its distance is 1.8 times that of joint training (one seed), and with all of them 1.25 times",
        flow_ratios,
    ),
    Claim(PAGE, "reaches 63.6, where real images have 32.6, in about a fifth of the flow's time", gan_is_ahead),
    Claim(PAGE, "On MNIST `align` is nearest to joint training, and forgets least", flow_order),
]
