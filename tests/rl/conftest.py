from tests.small_models import llama, t5, tokenizer

__all__ = ["llama", "t5", "tokenizer"]
