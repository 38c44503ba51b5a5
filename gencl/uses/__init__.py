"""What a trained model is for: measuring, distances between sets of images, pictures of its latent space."""
