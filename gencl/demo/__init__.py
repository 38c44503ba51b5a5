"""A page to play with a trained model: `gencl demo`, which needs the extra ``gencl[demo]`` (Gradio)."""
