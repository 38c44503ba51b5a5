"""What is measured after each task, and the feature extractors that measuring needs."""

from gencl.registry import Registry

METRICS = Registry(
    "metric",
    {
        "accuracy": ("gencl.metrics.accuracy:Accuracy", "share of held-out images classified right (classifiers)"),
        "conditional_accuracy": (
            "gencl.metrics.conditional:ConditionalAccuracy",
            "share of generated images that a fixed classifier reads as the class asked for (generators)",
        ),
        "fid": (
            "gencl.metrics.fidelity:FID",
            "Frechet distance of generated from real images in features (generators)",
        ),
        "reconstruction": (
            "gencl.metrics.reconstruction:Reconstruction",
            "squared error per pixel of held-out images, encoded and decoded (VAEs)",
        ),
    },
    group="gencl.metrics",
)

EXTRACTORS = Registry(
    "feature extractor",
    {
        "digits": ("gencl.metrics.digits_reader:DigitsReader", "the bundled digit reader, 28x28, 128 features"),
        "reader": (
            "gencl.metrics.trained_reader:TrainedReader",
            "a small classifier trained once on the data sets' own training images, 128 features",
        ),
    },
    group="gencl.extractors",
)
