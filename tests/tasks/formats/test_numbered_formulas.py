import pytest

from stepwise.tasks.formats.equations import from_infix, from_prefix
from stepwise.tasks.formats.formulas import FormulaError, parse_formula, render_formula
from stepwise.tasks.formats.numbered_formulas import parse_numbered, render_numbered


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("#0: subtract ( number0, number1 ) | #1: divide ( #0, number2 ) | EOS", "subtract(n0,n1)|divide(#0,n2)"),
        ("#0: substract ( number1, number0 ) |  <END>", "subtract(n1,n0)"),
        ("#0: add ( number0, number1 ) | #1: divide ( number2,  #0 ) | EOS", "add(n0,n1)|divide(n2,#0)"),
        ("  #0:multiply(number0,100.0)  ", "multiply(n0,100)"),
        ("#0: multiply ( 12.0, 0.25 ) |", "multiply(12,0.25)"),
    ],
)
def test_every_spelling_is_read(text, formula):
    assert render_formula(parse_numbered(text)) == formula


def test_one_spelling_is_written_and_read_back():
    operations = parse_formula("multiply(n12,0.01)|subtract(#0,100)")
    text = "#0: multiply ( number12, 0.01 ) | #1: subtract ( #0, 100.0 ) | EOS"
    assert render_numbered(operations) == text
    assert parse_numbered(text) == operations


@pytest.mark.parametrize(
    "text",
    [
        "", "EOS", "number0 EOS", "#1: add ( number0, number1 ) | EOS", "#0: power ( number0, number1 ) | EOS",
        "#0: add ( number0, number1 ) #1: add ( #0, number2 ) | EOS", "#0: add ( +, number1 ) | EOS",
        "#0: add ( number0, number1 ) | EOS | EOS", "#0: add ( number0, inf ) | EOS", "#0: add ( number, number1 ) |",
        "#0: add ( number0, number1 ) | #0: add ( #0, number2 ) | EOS", "#0: add ( number0, 1e-9 ) | EOS",
    ],
)  # fmt: skip
def test_other_text_is_no_numbered_formula(text):
    with pytest.raises(FormulaError):
        parse_numbered(text)


@pytest.mark.parametrize(
    ("equation", "formula"),
    [
        ("- number0 number1", "subtract(n0,n1)"),
        ("- number0 * number1 number2", "multiply(n1,n2)|subtract(n0,#0)"),
        ("/ - number0 number1 2.0", "subtract(n0,n1)|divide(#0,2)"),
        ("* - number0 number1 + number2 number3", "subtract(n0,n1)|add(n2,n3)|multiply(#0,#1)"),
        ("+ * number0 + number1 7.0 / number2 number3", "add(n1,7)|multiply(n0,#0)|divide(n2,n3)|add(#1,#2)"),
    ],
)
def test_prefix_equations_of_any_shape(equation, formula):
    assert render_formula(from_prefix(equation)) == formula


def test_a_deep_equation_needs_no_stack():
    equation = "+ " * 5000 + "number0 " * 5001
    operations = from_prefix(equation)
    assert len(operations) == 5000
    assert str(operations[-1]) == "add(#4998,n0)"


@pytest.mark.parametrize(
    "equation", ["", "number0", "- number0", "- number0 number1 number2", "- + number1", "^ 1 2", "- #0 number1"]
)
def test_other_text_is_no_prefix_equation(equation):
    with pytest.raises(FormulaError):
        from_prefix(equation)


@pytest.mark.parametrize(
    ("equation", "numbers", "formula"),
    [
        ("( 4.0 - 3.0 )", ["3", "4"], "subtract(n1,n0)"),
        ("( ( 26.0 + 3.0 ) - 9.0 )", ["9", "26", "3"], "add(n1,n2)|subtract(#0,n0)"),
        ("( 8.0 * ( 6.0 / 2.5 ) )", ["2.5", "6", "8"], "divide(n1,n0)|multiply(n2,#0)"),
        ("( 18.0 - 3.0 )", ["3", "35", "18", "3"], "subtract(n2,n3)"),
        ("( 58.0 - 33.0 )", ["36", "33", "58", "33"], "subtract(n2,n3)"),
        ("( 81.0 - 60.0 )", ["81", "60", "60"], "subtract(n0,n1)"),
        ("( 5.0 * 5.0 )", ["5", "2", "5"], "multiply(n0,n2)"),
        ("( 5.0 * 5.0 )", ["5", "2"], "multiply(n0,n0)"),
    ],
)
def test_infix_equations_name_the_slots_of_their_values(equation, numbers, formula):
    assert render_formula(from_infix(equation, numbers)) == formula


@pytest.mark.parametrize(
    "equation",
    ["", "3.0", "( 3.0 )", "( 4.0 - 3.0", "4.0 - 3.0", "( 4.0 - 3.0 ) )", "( 4.0 - 7.0 )", "( 4.0 ^ 3.0 )",
     "( 4.0 - + )", "( 4.0 - #0 )", "( 4.0 - 3.0 ) ( 4.0 - 3.0 )"],
)  # fmt: skip
def test_other_text_is_no_infix_equation(equation):
    with pytest.raises(FormulaError):
        from_infix(equation, ["3", "4"])
