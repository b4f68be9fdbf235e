"""Models as folders of safetensors: loading, tokenizer, LoRA, value head, cards."""
