"""An interactive page for a trained model: `gencl demo`, which needs the extra ``gencl[demo]`` (Gradio)."""
