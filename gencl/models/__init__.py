"""Learners, one file each, and the networks they are made of."""

from gencl.registry import Registry

LEARNERS = Registry(
    "learner",
    {
        "cgan": ("gencl.models.cgan:ConditionalGAN", "conditional GAN with an extensible class representation"),
        "mlp": ("gencl.models.mlp:MLPClassifier", "classifier: multi-layer perceptron"),
        "lenet": ("gencl.models.lenet:LeNet", "classifier: two convolutions and two fully connected layers"),
    },
    group="gencl.learners",
)
