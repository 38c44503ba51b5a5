"""What the pages of the methods say about ``results/``, as `tests.docs.claims` does for the others."""

from __future__ import annotations

from tests.docs.checks import (
    ALL,
    BEHIND,
    CLASSIFIERS,
    CONSOLIDATING,
    FIRST,
    LENET,
    Claim,
    ahead,
    ahead_in,
    aligned_lead,
    both_ahead,
    every,
    forgets_most,
    lead,
    lenet,
    mas_order,
    packnet_among_those_that_consolidate,
    tied,
    tied_with,
    wide,
)


def _method(name: str) -> str:
    return f"docs/methods/{name}.md"


STRATEGIES, PAGE = "pruning-strategies", "docs/classifiers.md"
PRUNED = ("anpyc", *(f"anpyc:method.{how}" for how in ("retrain=0.99", "score=random", "rounds=1", "score=magnitude")))

SHARES = tuple(f"anpyc:method.prune={share}" for share in (5, 10, 20, 50))

IMAGES = ("ewc:method.lambda=100", "si:method.lambda=10", "spp:method.lambda=100", "mas:method.lambda=100")

METHOD_CLAIMS = [
    Claim(
        "docs/analysis.md",
        "From β = `5` to `50` all accuracies are tied with each other and with `spp`",
        lambda: tied("pruned-share", "acc", "spp", *SHARES),
    ),
    Claim(
        "docs/analysis.md",
        "At `80` accuracy is a little lower with every seed",
        lambda: every(ahead("pruned-share", "acc", one, "anpyc:method.prune=80") for one in ("spp", *SHARES)),
    ),
    Claim(
        PAGE,
        "Next come `ewc`, `si`, `spp` and `mas`, which are tied",
        lambda: tied("reduced/visual5", "acc", *IMAGES),
    ),
    Claim(
        PAGE,
        "the more `anpyc` prunes, the more it forgets",
        lambda: ahead("reduced/visual5", "bwt", "anpyc:method.prune=5:method.lambda=100", "anpyc:method.lambda=100"),
    ),
    Claim(
        PAGE,
        "All ways of pruning are tied with `spp`",
        lambda: tied_with(STRATEGIES, "acc", "spp", *PRUNED),
    ),
    Claim(
        PAGE,
        "Gating alone (`xdg`) is far behind",
        lambda: every(ahead(STRATEGIES, "acc", one, "xdg") for one in ("spp", *PRUNED, "xdg+spp", "xdg+si")),
    ),
    Claim(
        _method("align"),
        "both are ahead of `mas`, `ewc` and `anpyc` alone, with one digit per task and with two",
        lambda: every(aligned_lead(of, *BEHIND) for of in ("mnist-cgan", "split-mnist-cgan-full")),
    ),
    Claim(
        _method("anpyc"),
        "over all ten digits, it is tied with `mas` and `ewc`",
        lambda: mas_order("mnist-cgan"),
    ),
    Claim(
        _method("anpyc"),
        "with two digits per task it is tied with `mas` and ahead of `ewc`",
        lambda: both_ahead("split-mnist-cgan-full", ALL, "ewc"),
    ),
    Claim(
        _method("anpyc"),
        "it is tied with `align` alone over all ten digits",
        lambda: tied("mnist-cgan", ALL, "align", "anpyc+align"),
    ),
    Claim(_method("anpyc"), LENET, lambda: lenet()[2:]),
    Claim(
        _method("anpyc"),
        "costs 0.8 points on split MNIST",
        lambda: [lead("split-mnist", "anpyc", "anpyc:method.score=random")],
    ),
    Claim(
        _method("anpyc"),
        "0.1 on permuted MNIST",
        lambda: [lead("permuted-mnist", "anpyc", "anpyc:method.score=random")],
    ),
    Claim(
        _method("clnp"),
        "it reaches 98.21 %, and the paper reports 98.42 %",
        wide,
    ),
    Claim(
        _method("dgr"),
        "it forgets more than every other method except `sgd`",
        lambda: forgets_most("mnist-cgan", "dgr", "sgd"),
    ),
    Claim(
        _method("dgr"),
        "is ahead of it on `split-mnist-cgan`",
        lambda: ahead_in("split-mnist-cgan-full", (FIRST, ALL), "align", "dgr"),
    ),
    Claim(
        _method("ewc-online"),
        "On permuted MNIST it is tied with [EWC]",
        lambda: tied("permuted-mnist", "acc", "ewc-online", "ewc"),
    ),
    Claim(
        _method("ewc-online"),
        "On split MNIST it is ahead by 0.1 points",
        lambda: [lead("split-mnist", "ewc-online", "ewc")],
    ),
    Claim(
        _method("ewc"),
        "Over ten permutations, [ewc-online](ewc-online.md) is tied with it",
        lambda: tied("permuted-mnist", "acc", "ewc-online", "ewc"),
    ),
    Claim(
        _method("lwf"),
        "On split MNIST it is ahead of `si`, `mas` and `spp`",
        lambda: ahead("split-mnist", "acc", "lwf", "si", "mas", "spp"),
    ),
    Claim(
        _method("lwf"),
        "`lwf` is behind `packnet` and all methods that consolidate",
        lambda: every(ahead("permuted-mnist", "acc", one, "lwf") for one in ("packnet", *CONSOLIDATING)),
    ),
    Claim(
        _method("mas"),
        "over all ten digits, it is ahead of EWC and tied with ANPyC",
        lambda: mas_order("mnist-cgan"),
    ),
    Claim(
        _method("mas"),
        "With two digits per task it is tied with ANPyC",
        lambda: tied("split-mnist-cgan-full", ALL, "anpyc", "mas"),
    ),
    Claim(
        _method("packnet"),
        "it is tied with `xdg+si` and `ewc-online`, ahead of the other methods that consolidate",
        packnet_among_those_that_consolidate,
    ),
    Claim(_method("clnp"), "it is behind `packnet`", lambda: ahead("permuted-mnist", "acc", "packnet", "clnp")),
    Claim(_method("packnet"), "0.75⁹ ≈ 7.5 %", lambda: [0.75, 100 * 0.75**9]),
    Claim(
        _method("sgd-f"),
        "on permuted MNIST it is behind `finetune`",
        lambda: ahead("permuted-mnist", "acc", "finetune", "sgd-f"),
    ),
    Claim(
        _method("sgd"),
        "is the same training with one head per task, and reaches a higher accuracy",
        lambda: ahead("split-mnist", "acc", "finetune", "sgd"),
    ),
    Claim(
        _method("spp"),
        "the three are tied on split and on permuted MNIST",
        lambda: every(tied(folder, "acc", "spp", "mas", "anpyc") for folder in CLASSIFIERS),
    ),
    Claim(
        _method("xdg"),
        "`xdg+si` is ahead of it on split and on permuted MNIST",
        lambda: every(ahead(folder, "acc", "xdg+si", "xdg") for folder in CLASSIFIERS),
    ),
]
