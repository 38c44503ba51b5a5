"""Learners, one file each, and the networks they are made of."""

from gencl.registry import Registry

LEARNERS = Registry(
    "learner",
    {
        "cgan": ("gencl.models.cgan:ConditionalGAN", "conditional GAN with an extensible class representation"),
        "vae": ("gencl.models.vae:VAE", "multi-latent VAE: a latent layer of its own for each task"),
        "mlp": ("gencl.models.mlp:MLPClassifier", "classifier: multi-layer perceptron"),
        "lenet": ("gencl.models.lenet:LeNet", "classifier: two convolutions and two fully connected layers"),
        "vgg9": ("gencl.models.vgg9:VGG9", "classifier: nine weight layers with batch normalisation"),
        "resnet18": ("gencl.models.resnet18:ResNet18", "classifier: torchvision's ResNet-18"),
        "cnn-narrow": ("gencl.models.cnns:NarrowCNN", "classifier: CLNP's narrow convolutional network, with dropout"),
        "cnn-wide": ("gencl.models.cnns:WideCNN", "classifier: CLNP's wide convolutional network"),
    },
    group="gencl.learners",
)
