"""What the pages say about ``results/``: the exact words, and a check against the committed files.

A check returns the numbers of the words in their order, or asserts an order between methods. Words may wrap in a page.
"""

from __future__ import annotations

from tests.docs.checks import (
    BEHIND,
    CONSOLIDATING,
    EIGHT,
    FIRST,
    LENET,
    Claim,
    above_the_floor,
    ahead,
    aligned_lead,
    every,
    lenet,
    lenet_published,
    mas_order,
    no_forward_transfer,
    others,
    published_is_behind,
    random_is_behind,
    rates,
    sgd_f_is_copied,
    tied,
    tied_with,
    wide,
    within,
    worst_of_ablation,
)
from tests.docs.checks import (
    CLASSIFIERS as CLASSIFIED,
)
from tests.docs.choosing_claims import CHOOSING_CLAIMS
from tests.docs.colour_claims import COLOUR_CLAIMS
from tests.docs.generator_claims import GENERATOR_CLAIMS, MAS
from tests.docs.method_claims import METHOD_CLAIMS
from tests.docs.training_claims import TRAINING_CLAIMS

README, CLASSIFIERS = "README.md", "docs/classifiers.md"
VERIFIED, RESULTS = "docs/verified.md", "results/README.md"
NEAR = ("lwf", "xdg+si", "hat", "packnet", "clnp", *CONSOLIDATING)
FLOOR = (
    "score 11.1 on the first five digits. Above that floor, `align` is at 2.3 times joint training, and "
    "`anpyc+align` at 2.0 times"
)
DGR_VAE = "dgr:model.generator.name=vae"
LEAD = "`align` and `anpyc+align` are tied, and both are ahead of `ewc`, `mas`, `anpyc` and plain training (`sgd`)"


def _over_widths() -> None:
    """Assert that ANPyC and SPP are tied at each width, and that MAS's importance leads ANPyC's at the least alone."""
    for units in (32, 64, 128, 256, 512):
        anpyc, spp, mas = (
            f"{name}:model.hidden=[{units},{units}]" for name in ("anpyc", "spp", "mas+anpyc:method.anpyc.lambda=0")
        )
        tied("widths", "acc", anpyc, spp)
        if units in (32, 512):
            ahead("widths", "acc", *((mas, anpyc) if units == 32 else (anpyc, mas)))


CLAIMS = [
    Claim(README, FLOOR, above_the_floor),
    Claim(CLASSIFIERS, "`der++` is ahead of `er`", lambda: ahead("split-mnist-class", "acc", "der++", "er")),
    Claim(
        CLASSIFIERS,
        "`dgr` stores no images, replays from a GAN instead, and is tied with `der++`",
        lambda: tied("split-mnist-class", "acc", "der++", "split-mnist-class-dgr/dgr"),
    ),
    Claim(
        CLASSIFIERS,
        "Both kinds of replay are far ahead of every other method",
        lambda: every(
            ahead("split-mnist-class", "acc", replay, *others("split-mnist-class", "er", "der++"))
            for replay in ("er", "der++", "split-mnist-class-dgr/dgr", f"split-mnist-class-dgr/{DGR_VAE}")
        ),
    ),
    Claim(CLASSIFIERS, "`er` and `der++` are tied there", lambda: tied("cifar10-class", "acc", "er", "der++")),
    Claim(
        CLASSIFIERS,
        "`ewc` and `anpyc` are no better than plain training",
        lambda: tied_with("cifar10-class", "acc", "sgd", "ewc", "anpyc"),
    ),
    Claim(CLASSIFIERS, "`dgr` is no better than plain training", lambda: tied("cifar10-class", "acc", "sgd", "dgr")),
    Claim(
        CLASSIFIERS,
        "replay of stored images is ahead again",
        lambda: every(
            ahead("cifar10-class", "acc", replay, *others("cifar10-class", "er", "der++")) for replay in ("er", "der++")
        ),
    ),
    Claim(README, LEAD, lambda: aligned_lead("mnist-cgan", *BEHIND)),
    Claim(README, MAS, lambda: mas_order("mnist-cgan")),
    Claim(CLASSIFIERS, "within 0.7 points of joint training", lambda: within("split-mnist", "acc", 0.7, *NEAR)),
    Claim(CLASSIFIERS, "within 1.1 points of joint training", lambda: within("permuted-mnist", "acc", 1.1, *EIGHT)),
    Claim(
        CLASSIFIERS,
        "all eight are ahead of `er`, `xdg` and `hat`",
        lambda: every(ahead("permuted-mnist", "acc", one, "er", "xdg", "hat") for one in EIGHT),
    ),
    Claim(CLASSIFIERS, "`anpyc` and `spp` are tied", lambda: tied("permuted-mnist", "acc", "anpyc", "spp")),
    Claim(
        CLASSIFIERS,
        "`anpyc` is ahead of what was published",
        lambda: published_is_behind("permuted-mnist", "anpyc"),
    ),
    Claim(
        CLASSIFIERS,
        "from 0.05 to 0.2 each of them gained more than 2 points on [validation images]"
        "(../results/permuted-mnist-search/tune.md), and at 0.2 they are within 0.3 points",
        lambda: rates("permuted-mnist-search", 0.05, 0.2, 2, 0.3),
    ),
    Claim(CLASSIFIERS, LENET, lambda: lenet()[2:]),
    Claim(CLASSIFIERS, "published: 57.12 times at 98.55 %", lenet_published),
    Claim(
        "docs/learners.md",
        "With `one-hot` far more is forgotten",
        lambda: worst_of_ablation("anpyc:model.class_layer=one-hot"),
    ),
    *CHOOSING_CLAIMS,
    *COLOUR_CLAIMS,
    *GENERATOR_CLAIMS,
    *METHOD_CLAIMS,
    *TRAINING_CLAIMS,
    Claim(VERIFIED, "within 0.7 points of joint training", lambda: within("split-mnist", "acc", 0.7, *NEAR)),
    Claim(VERIFIED, "MAS is ahead of EWC, and ANPyC is tied with both", lambda: mas_order("mnist-cgan")),
    Claim(
        VERIFIED,
        "The papers' EWC, SI, MAS and LwF are behind ours on split MNIST",
        lambda: every(published_is_behind("split-mnist", method) for method in ("ewc", "si", "mas", "lwf")),
    ),
    Claim(
        VERIFIED,
        "`er` and `xdg`, which the papers did not run there, are ahead of `anpyc` and `spp` in FWT",
        lambda: every(ahead("permuted-mnist", "fwt", one, "anpyc", "spp") for one in ("er", "xdg")),
    ),
    Claim(
        VERIFIED, "No consolidating method has a positive FWT here", lambda: every(map(no_forward_transfer, CLASSIFIED))
    ),
    Claim(
        VERIFIED,
        "On permuted MNIST, `spp`, which prunes nothing, and `anpyc` are tied",
        lambda: tied("permuted-mnist", "acc", "spp", "anpyc"),
    ),
    Claim(VERIFIED, "MAS's importance is ahead with 32 units, and a little behind with 512", _over_widths),
    Claim(
        VERIFIED,
        "`xdg+si` is ahead of `anpyc`. Gating alone (`xdg`) is behind it",
        lambda: every(
            (ahead("permuted-mnist", "acc", "xdg+si", "anpyc"), ahead("permuted-mnist", "acc", "anpyc", "xdg"))
        ),
    ),
    Claim(
        VERIFIED,
        "it is behind ANPyC, MAS and EWC",
        lambda: every(ahead("mnist-cgan", FIRST, one, "dgr") for one in ("anpyc", "mas", "ewc")),
    ),
    Claim(VERIFIED, "The accuracy and BWT of SGD-F are fine-tuning's", sgd_f_is_copied),
    Claim(
        VERIFIED,
        "is behind on split MNIST, and by only 0.1 points on permuted MNIST",
        random_is_behind,
    ),
    Claim(RESULTS, "29,840 of 1,789,568 shared weights, 60.0 times fewer, at 98.89 %", lenet),
    Claim(RESULTS, "57.12 times fewer at 98.55 %", lenet_published),
    Claim(RESULTS, "reaches 98.21 % over ten permutations, and the paper reports 98.42 %", wide),
]
