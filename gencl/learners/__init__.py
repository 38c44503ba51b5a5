"""Learners, one file each, and their networks."""

from gencl.core.registry import Registry

LEARNERS = Registry(
    "learner",
    {
        "cgan": ("gencl.learners.cgan:ConditionalGAN", "conditional GAN with an extensible class representation"),
        "vae": ("gencl.learners.vae:VAE", "multi-latent VAE: a latent layer of its own for each task"),
        "flow": ("gencl.learners.flow:FlowMatching", "flow matching: a velocity that carries noise to images"),
        "dqn": ("gencl.learners.dqn:DQN", "deep Q-network: plays games, with gains and biases of each game's own"),
        "mlp": ("gencl.learners.mlp:MLPClassifier", "classifier: multi-layer perceptron"),
        "lenet": ("gencl.learners.lenet:LeNet", "classifier: two convolutions and two fully connected layers"),
        "vgg9": ("gencl.learners.vgg9:VGG9", "classifier: nine weight layers with batch normalisation"),
        "resnet18": ("gencl.learners.resnet18:ResNet18", "classifier: torchvision's ResNet-18"),
        "cnn-narrow": (
            "gencl.learners.cnns:NarrowCNN",
            "classifier: CLNP's narrow convolutional network, with dropout",
        ),
        "cnn-wide": ("gencl.learners.cnns:WideCNN", "classifier: CLNP's wide convolutional network"),
    },
    group="gencl.learners",
    check="gencl.learners.check:problem",
)
