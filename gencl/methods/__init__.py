"""What keeps a learner from forgetting: one file a method; names joined by ``+`` run together."""

from __future__ import annotations

from gencl.core.errors import UsageError
from gencl.core.registry import Registry, parts_of

SERVES = {
    "any": "any learner",
    "own": "learners with parameters that are each task's own: generators, classifiers (model.heads: task or class)",
    "classify": "classifiers",
    "heads": "classifiers with a head per task (model.heads: task)",
    "task": "classifiers that are told the task (model.heads: task or domain)",
    "units": "classifiers that are told the task (model.heads: task or domain) and have hidden layers",
    "generator": "generators",
    "images": "learners that draw images: generators, classifiers with one beside them (model.generator.name=cgan)",
}
"""Whom a method serves, by the word of what it needs (`gencl.learners.capabilities`)."""

METHODS = Registry(
    "method",
    {
        "sgd": ("gencl.methods.sgd:SGD", "plain training: nothing is protected (the lower end)"),
        "finetune": ("gencl.methods.finetune:Finetune", "plain training with a head per task", "heads"),
        "sgd-f": ("gencl.methods.sgd_f:FrozenSGD", "what is shared is frozen after the first task", "own"),
        "joint": ("gencl.methods.joint:Joint", "all tasks at once (the upper end; needs all data)"),
        "ewc": ("gencl.methods.ewc:EWC", "elastic weight consolidation: Fisher information (Kirkpatrick 2017)"),
        "ewc-online": ("gencl.methods.ewc_online:OnlineEWC", "EWC, one fading Fisher information (Schwarz 2018)"),
        "l2": ("gencl.methods.l2:L2", "uniform rigidity: every shared weight is pulled back alike (Kirkpatrick 2017)"),
        "si": ("gencl.methods.si:SI", "synaptic intelligence: what a weight did for the loss (Zenke 2017)"),
        "mas": ("gencl.methods.mas:MAS", "memory-aware synapses: sensitivity of the output (Aljundi 2018)"),
        "lwf": ("gencl.methods.lwf:LwF", "learning without forgetting: old heads are distilled (Li 2016)", "classify"),
        "hat": ("gencl.methods.hat:HAT", "hard attention to the task: learned masks of units (Serra 2018)", "units"),
        "xdg": (
            "gencl.methods.xdg:XdG",
            "context-dependent gating: random masks of units (Masse 2018)",
            "units",
        ),
        "packnet": (
            "gencl.methods.packnet:PackNet",
            "each task keeps its largest weights, frozen (Mallya 2018)",
            "task",
        ),
        "clnp": ("gencl.methods.clnp:CLNP", "neural pruning: each task keeps its active units (Golkar 2019)", "units"),
        "spp": ("gencl.methods.spp:SPP", "soft parameter pruning: entropy importance (Peng 2018)"),
        "anpyc": ("gencl.methods.anpyc:ANPyC", "entropy importance with pruning and retraining (Peng 2021)"),
        "dgr": ("gencl.methods.dgr:DGR", "deep generative replay: the old generator's images (Shin 2017)", "images"),
        "align": (
            "gencl.methods.align:Align",
            "output alignment: old classes are drawn as before (Wu 2018, replay alignment)",
            "generator",
        ),
        "er": ("gencl.methods.er:ER", "experience replay: a small memory of real images (Chaudhry 2019)"),
        "der++": (
            "gencl.methods.der:DERpp",
            "dark experience replay: real images and the logits of their time (Buzzega 2020)",
            "classify",
        ),
        "agem": (
            "gencl.methods.agem:AGEM",
            "averaged gradient episodic memory: no step against old images' gradient (Chaudhry 2019)",
            "classify",
        ),
    },
    group="gencl.methods",
    check="gencl.methods.check:problem",
)


def names_in(name: str) -> list[str]:
    """The methods that ``name`` joins by ``+``. Raises UsageError with the nearest names for one that is unknown."""
    parts = [METHODS.check(part) for part in parts_of(name)]
    if len(set(parts)) != len(parts):
        raise UsageError(f"method {name!r} names a method twice")
    return parts
