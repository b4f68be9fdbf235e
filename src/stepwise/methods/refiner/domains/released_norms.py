"""The critic's rows of Moral Stories as released, for comparison only; critics learn `MoralStoriesDomain.listed`.

Their defects are kept: names lose their capitals, the critic reads the gold action, each story's last unrelated norm is
missing, norms occur twice, and some that blame the opposite of the gold norm count as contradictions.
"""

from __future__ import annotations

from stepwise.tasks.published.story_rows import StoryRow


def released_rows(story: StoryRow) -> list[tuple[str, str]]:
    """What the released critic reads and writes about each norm of a story, as published (not `mended`)."""
    anti = [story.anti_norm] if story.anti_norm else []
    unrelated = list(zip(story.fake_norms, story.fake_norm_sentiments, strict=True))[:-1]
    hints = [(norm, _hint(story, sentiment)) for norm, sentiment in unrelated]
    rows = [
        *((norm, "no hint") for norm in (story.norm, *story.other_norms)),
        *((norm, "contradiction") for norm in (*anti, *story.other_anti_norms)),
        *hints,
    ]
    return [(_input(story, norm), hint) for norm, hint in rows]


def released_class(hint: str) -> str:
    """`no hint`, `contradiction`, `negated hint` or `plain hint`."""
    if hint in ("no hint", "contradiction"):
        return hint
    return "negated hint" if hint.startswith("not ") else "plain hint"


def _input(story: StoryRow, norm: str) -> str:
    return (
        f"<|SIT|> {story.situation} <|INT|> {story.intention} <|I_ACT|> {story.immoral_action} "
        f"<|NRM|> {norm.capitalize()} <|M_ACT|> {story.moral_action}"
    )


def _hint(story: StoryRow, sentiment: float) -> str:
    """What the gold norm judges; negated, or no longer negated, if the unrelated norm judges the other way."""
    hint = (story.norm_action or story.norm).strip().lower()
    if story.norm_sentiment * sentiment >= 0:
        return hint
    return hint.removeprefix("not").strip() if hint.startswith("not") else f"not {hint}"
