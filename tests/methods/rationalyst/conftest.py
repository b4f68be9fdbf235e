"""Tiny random models and a byte-level tokenizer, the same as in tests of generation."""

from tests.generation.conftest import gpt2, llama, opt, t5, tokenizer  # noqa: F401 - fixtures
