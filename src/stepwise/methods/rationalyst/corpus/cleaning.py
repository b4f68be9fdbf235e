"""Removes what readers cannot see and models should not obey: control characters and chat-template tokens.

A corpus is untrusted input: a page may contain the very tokens that end a turn or open a system prompt, or the tags
that enclose rationales.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_LINE_END = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff0-\uffff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""C0 and C1 controls, invisible and direction marks, tags, lone surrogates and noncharacters."""
_TEMPLATE = re.compile(
    r"<\|[^|<>\n]{1,40}\|>"
    r"|<｜[^｜<>\n]{1,40}｜>"
    r"|</?(?:s|bos|eos|pad|unk|mask|BOT|EOT|start_of_turn|end_of_turn|im_start|im_end|endoftext|think|tool_call)>"
    r"|\[/?(?:INST|SYS|CLS|SEP|MASK|PAD|UNK|BOS|EOS|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
    r"|<</?SYS>>"
)
_TRAILING = re.compile(r"[^\S\n]+(?=\n|\Z)")
_BLANK_LINES = re.compile(r"\n{3,}")


class Cleaned(NamedTuple):
    """A text, and how many control characters and template tokens were removed from it."""

    text: str
    controls: int
    template_tokens: int


def clean(text: str) -> Cleaned:
    """The text in Unicode form NFC with plain line ends, without control characters and template tokens.

    Cleaning the result again changes nothing: tokens that form only when others are removed (`<|im<s>_end|>`) are
    removed as well.
    """
    text = _LINE_END.sub("\n", text)
    text, controls = _CONTROL.subn("", text)
    text = unicodedata.normalize("NFC", text)
    tokens = 0
    while (replaced := _TEMPLATE.subn("", text))[1]:
        text, tokens = replaced[0], tokens + replaced[1]
    text = _BLANK_LINES.sub("\n\n", _TRAILING.sub("", text)).strip("\n")
    return Cleaned(text, controls, tokens)
