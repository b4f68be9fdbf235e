"""Models as folders of safetensors: `loading.load_model` and `save_model`, tokenizer, LoRA, value head, cards."""
