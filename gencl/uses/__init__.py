"""Uses of a trained model: evaluation, distances between sets of images, latent-space pictures, export."""
