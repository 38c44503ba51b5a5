"""Methods that keep a learner from forgetting, one file per method. Names joined by ``+`` run together."""

from __future__ import annotations

from gencl.core.errors import UsageError
from gencl.core.registry import Registry, parts_of

SERVES = {
    "any": "any learner",
    "own": "learners with parameters per task: generators, classifiers (model.heads: task or class)",
    "classify": "classifiers",
    "heads": "classifiers with one head per task (model.heads: task)",
    "task": "classifiers that know the task of each input (model.heads: task or domain)",
    "units": "classifiers with hidden layers that know the task of each input (model.heads: task or domain)",
    "generator": "generators",
    "images": "learners that generate images: generators, classifiers with a generator (model.generator.name=cgan)",
}
"""The learners that a method works with, by the capability that it needs (`gencl.learners.capabilities`)."""

METHODS = Registry(
    "method",
    {
        "sgd": ("gencl.methods.sgd:SGD", "plain training without protection (lower bound)"),
        "finetune": ("gencl.methods.finetune:Finetune", "plain training with one head per task", "heads"),
        "sgd-f": ("gencl.methods.sgd_f:FrozenSGD", "shared parameters are frozen after the first task", "own"),
        "joint": ("gencl.methods.joint:Joint", "training on all tasks together (upper bound; needs all data)"),
        "ewc": ("gencl.methods.ewc:EWC", "elastic weight consolidation: Fisher information (Kirkpatrick 2017)"),
        "ewc-online": ("gencl.methods.ewc_online:OnlineEWC", "EWC with one decaying Fisher information (Schwarz 2018)"),
        "l2": (
            "gencl.methods.l2:L2",
            "uniform rigidity: shared weights are pulled back equally (Kirkpatrick 2017)",
        ),
        "si": ("gencl.methods.si:SI", "synaptic intelligence: how far a weight lowered the loss (Zenke 2017)"),
        "mas": ("gencl.methods.mas:MAS", "memory-aware synapses: sensitivity of the output (Aljundi 2018)"),
        "lwf": (
            "gencl.methods.lwf:LwF",
            "learning without forgetting: old heads are distilled (Li 2016)",
            "classify",
        ),
        "hat": ("gencl.methods.hat:HAT", "hard attention to the task: learned masks of units (Serra 2018)", "units"),
        "xdg": (
            "gencl.methods.xdg:XdG",
            "context-dependent gating: random masks of units (Masse 2018)",
            "units",
        ),
        "packnet": (
            "gencl.methods.packnet:PackNet",
            "each task keeps and freezes its largest weights (Mallya 2018)",
            "task",
        ),
        "clnp": ("gencl.methods.clnp:CLNP", "neural pruning: each task keeps its active units (Golkar 2019)", "units"),
        "spp": ("gencl.methods.spp:SPP", "soft parameter pruning: entropy importance (Peng 2018)"),
        "anpyc": ("gencl.methods.anpyc:ANPyC", "entropy importance with pruning and retraining (Peng 2021)"),
        "dgr": (
            "gencl.methods.dgr:DGR",
            "deep generative replay: images of the previous generator (Shin 2017)",
            "images",
        ),
        "align": (
            "gencl.methods.align:Align",
            "output alignment: past classes are generated as before (Wu 2018, replay alignment)",
            "generator",
        ),
        "er": ("gencl.methods.er:ER", "experience replay: a small memory of real images (Chaudhry 2019)"),
        "der++": (
            "gencl.methods.der:DERpp",
            "dark experience replay: stored images and their logits (Buzzega 2020)",
            "classify",
        ),
        "agem": (
            "gencl.methods.agem:AGEM",
            "averaged gradient episodic memory: no step raises the loss on stored images (Chaudhry 2019)",
            "classify",
        ),
    },
    group="gencl.methods",
    check="gencl.methods.check:problem",
)


def names_in(name: str) -> list[str]:
    """Return the names of the methods that ``name`` joins by ``+``.

    Raises UsageError if a name occurs twice, or is unknown (with the nearest names).
    """
    parts = [METHODS.check(part) for part in parts_of(name)]
    if len(set(parts)) != len(parts):
        raise UsageError(f"method {name!r} names a method twice")
    return parts
