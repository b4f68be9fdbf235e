import random
import time

import pytest

from stepwise.methods.rationalyst.sentences import borders, sentences


def test_borders_come_right_after_a_sentence() -> None:
    assert borders("One. Two? Three") == [4, 9]


@pytest.mark.parametrize(
    "pieces",
    [
        ["Natalia sold 48/2 = 24 clips in May.", "\nShe sold 48+24 = 72.", "\n#### 72"],
        ["2 + 3 = 5", "\n5 * 4 = 20", "\n20 - 3 = 17"],
        ["See Dr. Smith, e.g. in Fig. 3.", " So $3.", ' "Really?" he said.', ' "Yes."', " Then U.S. troops left."],
        ["No. 5 says no.", " J. R. Ewing picked it.", " The answer is B.", " Next one!"],
        ["1. Mix it.", " Then wait.", "\n2. Serve it."],
        ["- one", "\n- two", "\n\n\nA paragraph"],
        ["你好。", "我很好！", "是吗？"],
        ["Well ... so it goes."],
        [""],
        [" \n "],
    ],
)
def test_sentences_as_a_reader_sees_them(pieces: list[str]) -> None:
    assert sentences("".join(pieces)) == pieces


def test_a_line_wrap_is_no_border() -> None:
    text = (
        "This prose is wrapped at a width at which the next word would not have fitted\n"
        "Mary, for one, goes on after the break, which is why there is no border in it\n"
        "before this full stop. The next sentence is the second."
    )
    assert len(sentences(text)) == 2


def test_borders_cut_any_text_without_loss_and_leave_no_piece_blank() -> None:
    random.seed(0)
    alphabet = ["a", "B", "1", ".", "?", " ", "\n", '"', ")", "。", "é", "Dr", "- ", "\t"]
    for _ in range(500):
        text = "".join(random.choices(alphabet, k=60))
        offsets = borders(text)
        assert offsets == sorted(set(offsets))
        assert all(not text[border - 1].isspace() for border in offsets)
        assert all(piece.strip() for piece in sentences(text)) or not text.strip()


@pytest.mark.parametrize("unit", [".", ". ", "A. ", "\n", "a\n \n", ".)", "fig. 3 ", " ", "a\n"])
def test_time_grows_with_the_length_of_hostile_text(unit: str) -> None:
    begin = time.process_time()
    borders(unit * (300_000 // len(unit)) + " Z\nz")
    assert time.process_time() - begin < 5
