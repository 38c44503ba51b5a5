"""The registries of metrics and of the feature extractors that they use."""

from gencl.core.registry import Registry

METRICS = Registry(
    "metric",
    {
        "accuracy": (
            "gencl.metrics.accuracy:Accuracy",
            "share of held-out images that are classified correctly (classifiers)",
        ),
        "normalised_return": (
            "gencl.metrics.returns:NormalisedReturn",
            "return on a scale from a random player (0) to a learner of this game alone (1) (players)",
        ),
        "return": ("gencl.metrics.returns:Return", "mean score of an episode of each game (players)"),
        "conditional_accuracy": (
            "gencl.metrics.conditional:ConditionalAccuracy",
            "share of generated images that a fixed classifier assigns to the requested class (generators)",
        ),
        "fid": (
            "gencl.metrics.fidelity:FID",
            "Fréchet distance between features of generated and real images (generators)",
        ),
        "reconstruction": (
            "gencl.metrics.reconstruction:Reconstruction",
            "squared error per pixel of reconstructed held-out images (VAEs)",
        ),
        "kid": ("gencl.metrics.kid:KID", "kernel distance between features of generated and real images (generators)"),
        "kid_std": ("gencl.metrics.kid:KIDSpread", "standard deviation of KID over its subsets (generators)"),
        "precision": (
            "gencl.metrics.precision_recall:Precision",
            "share of generated images whose features lie among those of real images (generators)",
        ),
        "recall": (
            "gencl.metrics.precision_recall:Recall",
            "share of real images whose features lie among those of generated images (generators)",
        ),
        "drift": (
            "gencl.metrics.drift:Drift",
            "squared change per pixel, since the task was learned, of images from the same latents (generators)",
        ),
        "isc": ("gencl.metrics.inception_score:InceptionScore", "Inception score of generated images (generators)"),
        "lpips_diversity": (
            "gencl.metrics.lpips_metrics:LPIPSDiversity",
            "LPIPS between generated images of a class; 0 is mode collapse (generators)",
        ),
        "lpips_drift": (
            "gencl.metrics.lpips_metrics:LPIPSDrift",
            "LPIPS between images from the same latents, right after learning and now (generators)",
        ),
        "lpips_reconstruction": (
            "gencl.metrics.lpips_metrics:LPIPSReconstruction",
            "LPIPS between held-out images and their reconstructions (VAEs)",
        ),
        "memorisation": (
            "gencl.metrics.memorisation:Memorisation",
            "share of generated images that are closer to training images than to held-out ones (generators)",
        ),
        "fitting": (
            "gencl.metrics.fitting:FittingCapacity",
            "accuracy, on real images, of a classifier trained on generated images (generators)",
        ),
    },
    group="gencl.metrics",
    check="gencl.metrics.check:metric_problem",
)

GROUPS = {
    "kid": ("kid", "kid_std"),
    "prc": ("precision", "recall"),
    "lpips": ("lpips_diversity", "lpips_drift", "lpips_reconstruction"),
}
"""Short names for groups of metrics in ``gencl evaluate --metrics``: the metrics of a group that apply are measured."""

EXTRACTORS = Registry(
    "feature extractor",
    {
        "digits": ("gencl.metrics.digits_reader:DigitsReader", "the bundled digit reader, 28x28, 128 features"),
        "fashion": (
            "gencl.metrics.fashion_reader:FashionReader",
            "a bundled classifier of Fashion-MNIST, for digits that it never saw, 28x28, 128 features",
        ),
        "reader": (
            "gencl.metrics.trained_reader:TrainedReader",
            "a small classifier trained once on the data sets' own training images, 128 features",
        ),
        "inception": (
            "gencl.metrics.inception:Inception",
            "Inception-v3 of torch-fidelity, 2048 features, as papers quote FID; its weights are downloaded",
        ),
        "imagenet-lite0": (
            "gencl.metrics.imagenet_lite0:ImageNetLite0",
            "EfficientNet-Lite0 of ImageNet, 1280 features, for pictures, without a download (extra: gencl[imagenet])",
        ),
        "dinov2": (
            "gencl.metrics.dinov2:DINOv2",
            "DINOv2's ViT-L/14, 1024 features, for FD-DINOv2 on a GPU; its weights are downloaded (1.2 GB)",
        ),
    },
    group="gencl.extractors",
    check="gencl.metrics.check:extractor_problem",
)
