"""What the figures of reports say, a line each, for people who do not know the field."""

from collections.abc import Iterable

from gencl.metrics.figures import of_further

MEANINGS = {
    "acc": "mean accuracy over all tasks after the last one",
    "aaa": "average anytime accuracy: the mean accuracy over the tasks so far, averaged over time",
    "bwt": "backward transfer: what later tasks did to earlier ones; negative is forgetting",
    "fwt": "forward transfer: how well a task is learned compared with joint training",
    "fwt_zero_shot": "accuracy on a task before it is learned, minus that of an untrained network",
    "forgetting": "from the best a task ever was to what it is at the end, on average",
    "smt": "how much a task's accuracy varies over time; 0 is perfectly steady",
    "accuracy": "share of held-out images that are classified right",
    "conditional_accuracy": "how often a fixed classifier reads a generated image as the class that was asked for",
    "conditional_accuracy_bwt": "what later tasks did to that share; negative is forgetting",
    "fid": "distance of generated from real images, mean over the tasks; lower is better",
    "fid_just_learned": "the same distance when each task had just been learned",
    "fid_forgetting": "how much the distance grew since each task was learned; lower is better",
    "fid_first_half": "one distance over the images of the earlier half of the tasks; lower is better",
    "kid": "as FID, without its bias by few images; lower is better",
    "precision": "share of generated images that lie among the real ones: quality",
    "recall": "share of real images that lie among the generated ones: variety",
    "drift": "how much the same latents' images changed since their task was learned; 0 is not at all",
    "reconstruction": "squared error per pixel of held-out images, encoded and decoded; lower is better",
    "reconstruction_just_learned": "the same error when each task had just been learned",
    "reconstruction_forgetting": "how much the error grew since each task was learned; lower is better",
    "memorisation": "share of generated images nearer to training than to held-out images; 50 % is none, 100 % copies",
    "fitting": "accuracy on real images of a classifier trained on generated ones",
}


def meanings(names: Iterable[str]) -> dict[str, str]:
    """Those of the figures in ``names`` that have a line."""
    found = {name: MEANINGS.get(name) or _beside(name) for name in names}
    return {name: meaning for name, meaning in found.items() if meaning}


def _beside(name: str) -> str:
    """The meaning of a distance in the features of a further extractor; nothing for other figures."""
    distance, extractor = of_further(name)
    return f"as {distance.upper()}, in the features of the extractor {extractor}; lower is better" if extractor else ""
